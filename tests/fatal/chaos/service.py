"""The payment service in a temper: `python -m tests.fatal.chaos.service --port N --db FILE`, tempered by the seed.

Orders that begin with `K-` are deduplicated by their key, as an idempotent tool is promised; all others are not,
so that a second call is a second refund and is seen.
"""

from __future__ import annotations

import os
import sys
import threading
from collections import Counter
from typing import Any

from examples.payments import __main__ as program
from examples.payments.book import Book, Refund
from examples.payments.faults import Fault, Faults
from examples.payments.service import Payments
from examples.payments.wire import Answer, Request
from tests.fatal.chaos import moods

KEYED = "K-"
CENTS = 10**9


class Ledger(Book):
    """A book in which every order exists."""

    def order(self, order_id: str) -> dict[str, Any] | None:
        """What the order cost."""
        return {"id": order_id, "cents": CENTS, "currency": "EUR"}

    def refund(self, key: str, order_id: str, cents: int) -> Refund:
        """Carry it out; an order of an idempotent tool only once per key."""
        with self._lock:
            earlier = self._refunds.get(key) if order_id.startswith(KEYED) else None
        return earlier[0] if earlier else super().refund(key, order_id, cents)


class Tempers(Faults):
    """Faults of each single call instead of those of a door."""

    def __init__(self) -> None:
        super().__init__()
        self._seed = int(os.environ[moods.SEED])
        self._asked: Counter[tuple[str, str]] = Counter()
        self.now = threading.local()

    def take(self, door: str) -> Fault:
        """The fault that strikes the call which this thread serves."""
        mark = str(self.now.mark)
        with self._lock:
            self._asked[door, mark] += 1
            number = self._asked[door, mark]
        told = moods.effect if door == "refund" else moods.reading
        mode, when, seconds = told(self._seed, mark, number)
        return Fault(mode, when, seconds or None)


class Moody(Payments):
    """The service with a temper for each order."""

    def __init__(self, book: Book) -> None:
        super().__init__(book)
        self.tempers = self.faults = Tempers()

    def __call__(self, request: Request) -> Answer:
        """Remember what is asked for, then answer as always."""
        body = request.json() if request.method == "POST" else {}
        key = request.query.get("key", "")
        self.tempers.now.mark = body.get("order_id") or key or request.path
        return super().__call__(request)


if __name__ == "__main__":
    setattr(program, "Book", Ledger)  # noqa: B010 - the program is taken as it is, with another book and temper
    setattr(program, "Payments", Moody)  # noqa: B010
    sys.exit(program.main())
