"""A client of the payment service that can tell "never sent" from "sent, and then who knows"."""

import http.client
import json
import os
import urllib.parse
from dataclasses import dataclass
from typing import Any

DEFAULT_URL = "http://127.0.0.1:8099"


class PaymentsError(Exception):
    """The service answered with an error, or did not answer. Whether it acted is not known from this."""


class NotSent(PaymentsError):
    """No connection came about, so not one byte of the request left this machine."""


@dataclass(frozen=True)
class PaymentsClient:
    """Speaks to one payment service; `timeout` seconds bound each wait for the network."""

    url: str = DEFAULT_URL
    timeout: float = 8.0

    @classmethod
    def from_environment(cls, *, timeout: float) -> "PaymentsClient":
        """Return a client for the address in AETHERIS_PAYMENTS_URL, or the default address."""
        return cls(os.environ.get("AETHERIS_PAYMENTS_URL") or DEFAULT_URL, timeout)

    def order(self, order_id: str) -> dict[str, Any]:
        """Return `{id, cents, currency}` of an order. Raises PaymentsError, also for an unknown order."""
        return self._ask("GET", f"/orders/{urllib.parse.quote(order_id, safe='')}")

    def refund(self, order_id: str, cents: int, *, key: str) -> dict[str, Any]:
        """Refund `cents` of an order under an idempotency key and return the refund.

        Raises NotSent if nothing can have happened, PaymentsError if the refund may have been made.
        """
        return self._ask("POST", "/refunds", {"order_id": order_id, "cents": cents}, key=key)

    def reverse(self, refund: str, *, key: str, honour_key: bool = False) -> dict[str, Any]:
        """Take a refund back under an idempotency key and return the reversal; errors as for `refund`.

        `honour_key` asks the service to make one reversal per key, however often it is asked.
        """
        body = {"refund": refund, "honour_key": honour_key}
        return self._ask("POST", "/reversals", body, key=key)

    def refunds(self, key: str) -> dict[str, Any]:
        """Return `{key, calls, in_flight, refunds, reversals}` of an idempotency key. Raises PaymentsError."""
        return self._ask("GET", f"/refunds?{urllib.parse.urlencode({'key': key})}")

    def _ask(self, method: str, path: str, body: Any = None, *, key: str | None = None) -> dict[str, Any]:
        connection = self._connect()
        headers = {"Content-Type": "application/json"} | ({"Idempotency-Key": key} if key else {})
        try:
            connection.request(method, path, None if body is None else json.dumps(body), headers)
            response = connection.getresponse()
            status, answer = response.status, json.loads(response.read())
        except (OSError, http.client.HTTPException, ValueError) as lost:
            raise PaymentsError(
                f"{method} {path} was sent to {self.url} but got no readable answer: {lost!r}"
            ) from lost
        finally:
            connection.close()
        if status >= 400 or not isinstance(answer, dict):
            raise PaymentsError(f"{method} {path} at {self.url} was answered with {status}: {answer}")
        return answer

    def _connect(self) -> http.client.HTTPConnection:
        host, port = self._address()
        connection = http.client.HTTPConnection(host, port, timeout=self.timeout)
        try:
            connection.connect()
        except OSError as unreachable:
            connection.close()
            raise NotSent(
                f"the payment service at {self.url} cannot be reached ({unreachable}); nothing was sent. "
                "Start it, or set AETHERIS_PAYMENTS_URL"
            ) from unreachable
        return connection

    def _address(self) -> tuple[str, int]:
        where = urllib.parse.urlsplit(self.url)
        try:
            host, port = where.hostname, where.port or 80
        except ValueError:
            host, port = None, 0
        if where.scheme != "http" or not host or where.path not in ("", "/"):
            raise NotSent(f"the payment service's address is {self.url!r}; it must look like {DEFAULT_URL}")
        return host, port
