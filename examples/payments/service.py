"""The payment service over HTTP: what each request means. The transport is in `wire`."""

import urllib.parse
from collections.abc import Callable
from typing import Any, TypeVar

from examples.payments.book import Book, KeyReused
from examples.payments.faults import BadFault, Fault, Faults
from examples.payments.wire import Answer, Dropped, Refusal, Request, Torn

Done = TypeVar("Done")


class Payments:
    """Turns requests into answers. It deliberately honours no idempotency key unless the book dedupes."""

    def __init__(self, book: Book) -> None:
        """Serve from `book`, with every door in its normal mode."""
        self.book = book
        self.faults = Faults()

    def __call__(self, request: Request) -> Answer:
        """Return the answer to `request`. Raises Refusal (an error answer) or Dropped (no answer)."""
        match (request.method, request.path.strip("/").split("/")):
            case ("GET", ["healthz"]):
                return Answer(200, {"status": "ok"})
            case ("GET", ["orders", order_id]):
                return self._read("order", lambda: self._order(urllib.parse.unquote(order_id)))
            case ("PUT", ["orders", order_id]):
                return self._put_order(urllib.parse.unquote(order_id), request.json())
            case ("POST", ["refunds" | "reversals" as what]):
                return self._refund(request) if what == "refunds" else self._reverse(request)
            case ("GET", ["refunds" | "calls" as what]):
                return self._known(what, request)
            case ("GET", ["stats"]):
                return Answer(200, self.book.stats() | {"hanging": self.faults.to_json()["hanging"]})
            case ("GET", ["mode"]):
                return Answer(200, self.faults.to_json())
            case ("POST", ["mode"]):
                return self._set_mode(request.json())
            case ("POST", ["release"]):
                return Answer(200, {"released": self.faults.release()})
        raise Refusal(404, "no_such_page", f"nothing answers {request.method} {request.path}; see the README")

    def _known(self, what: str, request: Request) -> Answer:
        key = _filled(request.query.get("key"), "the query parameter key")
        if what == "calls":
            return Answer(200, {"key": key, "calls": self.book.calls(key)})
        return self._read("probe", lambda: Answer(200, self.book.under(key)))

    def _order(self, order_id: str) -> Answer:
        order = self.book.order(order_id)
        if order is None:
            raise Refusal(404, "no_such_order", f"there is no order {order_id!r}")
        return Answer(200, order)

    def _put_order(self, order_id: str, body: dict[str, Any]) -> Answer:
        self.book.put_order(_filled(order_id, "the order id"), _cents(body.get("cents")))
        return self._order(order_id)

    def _set_mode(self, body: dict[str, Any]) -> Answer:
        try:
            self.faults.put(body.get("on", "refund"), Fault.from_json(body))
        except BadFault as bad:
            raise Refusal(400, "bad_mode", str(bad)) from bad
        return Answer(200, self.faults.to_json())

    def _read(self, door: str, answer: Callable[[], Answer]) -> Answer:
        self._strike(self.faults.take(door), door)
        return answer()

    def _refund(self, request: Request) -> Answer:
        key = _filled(request.headers.get("idempotency-key"), "the header Idempotency-Key")
        body = request.json()
        order_id = _filled(body.get("order_id"), "order_id")
        cents = _cents(body.get("cents"))
        if cents > self._order(order_id).body["cents"]:
            raise Refusal(422, "more_than_paid", f"order {order_id!r} cost less than {cents} cents")
        made = self._done("refund", key, order_id, cents, lambda: self.book.refund(key, order_id, cents))
        return Answer(201, made.to_json())

    def _reverse(self, request: Request) -> Answer:
        key = _filled(request.headers.get("idempotency-key"), "the header Idempotency-Key")
        body = request.json()
        refund = self.book.made(_filled(body.get("refund"), "refund"))
        if refund is None:
            raise Refusal(404, "no_such_refund", f"there is no refund {body['refund']!r}")
        honour = body.get("honour_key") is True
        made = self._done(
            "reverse", key, refund.order_id, refund.cents,
            lambda: self.book.reverse(key, refund.id, honour_key=honour),
        )  # fmt: skip
        return Answer(201, made.to_json())

    def _done(self, door: str, key: str, order_id: str, cents: int, carry_out: Callable[[], Done]) -> Done:
        """Carry something out, and let the door's fault strike before or after it."""
        fault = self.faults.take(door)
        self.book.call_arrived(key, order_id, cents, fault=fault.mode)
        try:
            if fault.when == "before":
                self._strike(fault, door)
            done = carry_out()
        except KeyReused as reused:
            raise Refusal(409, "key_reused", str(reused)) from reused
        finally:
            self.book.call_over(key)
        if fault.when == "after":
            self._strike(fault, door)
        return done

    def _strike(self, fault: Fault, door: str) -> None:
        match fault.mode:
            case "hang" | "slow":
                self.faults.wait(fault.seconds)
            case "fail":
                raise Refusal(500, "told_to_fail", f"the service was told to fail at {door!r} by POST /mode")
            case "drop":
                raise Dropped
            case "tear":
                raise Torn


def _filled(value: Any, what: str) -> str:
    if not isinstance(value, str) or not 1 <= len(value) <= 512:
        raise Refusal(400, "bad_request", f"{what} must be text of 1 to 512 characters, not {value!r:.80}")
    return value


def _cents(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= 10**12:
        raise Refusal(400, "bad_request", f"cents must be a whole number from 1 to 10^12, not {value!r:.80}")
    return value
