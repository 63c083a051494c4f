"""The book of the payment service: an append-only JSONL file that survives a kill."""

import fcntl
import json
import os
import threading
from collections import Counter
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

SHIPPED_ORDERS = {"A-1001": 12_000, "A-1002": 4_200}


class BookError(Exception):
    """The file cannot serve as a book: another process holds it, or a line of it is damaged."""


class KeyReused(Exception):
    """With `dedupe`, a key that already paid came back with another order or amount."""


@dataclass(frozen=True)
class Refund:
    """One refund that was really carried out."""

    id: str
    order_id: str
    cents: int
    key: str
    at: str

    def to_json(self) -> dict[str, Any]:
        """Return the refund as the service answers it."""
        return asdict(self)


@dataclass(frozen=True)
class Reversal:
    """One refund that was really taken back."""

    id: str
    refund: str
    key: str
    at: str

    def to_json(self) -> dict[str, Any]:
        """Return the reversal as the service answers it."""
        return asdict(self)


class Book:
    """What the service knows: orders, every call that reached it, every refund it made or took back.

    A call and a refund are two different facts. A call is written when it arrives; the refund when it
    is carried out. The service may fail between the two, and the counts show that.
    """

    def __init__(self, path: Path, *, dedupe: bool = False) -> None:
        """Open or create the book at `path` and read what it holds.

        `dedupe=True` honours idempotency keys: a second call under a key gets the first refund back.
        Raises BookError if another process holds the file or a line in it cannot be read.
        """
        self.path, self.dedupe = path, dedupe
        self._lock = threading.Lock()
        self._orders = dict(SHIPPED_ORDERS)
        self._calls: dict[str, list[dict[str, Any]]] = {}
        self._refunds: dict[str, list[Refund]] = {}
        self._reversals: dict[str, list[Reversal]] = {}
        self._in_flight: Counter[str] = Counter()
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            self._take_file()
            self._read_back()
        except BookError:
            os.close(self._file)
            raise

    def close(self) -> None:
        """Give the file back. The book must not be used afterwards."""
        os.close(self._file)

    def order(self, order_id: str) -> dict[str, Any] | None:
        """Return `{id, cents, currency}` of an order, or None if there is no such order."""
        with self._lock:
            cents = self._orders.get(order_id)
        return None if cents is None else {"id": order_id, "cents": cents, "currency": "EUR"}

    def put_order(self, order_id: str, cents: int) -> None:
        """Add an order, or change what it cost."""
        with self._lock:
            self._write({"kind": "order", "id": order_id, "cents": cents})

    def call_arrived(self, key: str, order_id: str, cents: int, *, fault: str = "normal") -> None:
        """Write down that a refund was asked for, and what will befall it, before anything is done about it."""
        call = {"order_id": order_id, "cents": cents, "at": _now(), "fault": fault}
        with self._lock:
            self._write({"kind": "call", "key": key, **call})
            self._in_flight[key] += 1

    def call_over(self, key: str) -> None:
        """Note that one call under `key` can no longer lead to a refund."""
        with self._lock:
            self._in_flight[key] -= 1

    def refund(self, key: str, order_id: str, cents: int) -> Refund:
        """Carry a refund out and return it. Raises KeyReused (only with `dedupe`)."""
        with self._lock:
            earlier = self._refunds.get(key)
            if self.dedupe and earlier:
                return _same(earlier[0], order_id, cents)
            made = Refund(f"R-{self._count() + 1}", order_id, cents, key, _now())
            self._write({"kind": "refund", **made.to_json()})
            return made

    def made(self, refund_id: str) -> Refund | None:
        """Return the refund of that id, if there is one."""
        with self._lock:
            found = (each for refunds in self._refunds.values() for each in refunds if each.id == refund_id)
            return next(found, None)

    def reverse(self, key: str, refund_id: str, *, honour_key: bool = False) -> Reversal:
        """Take a refund back and return the reversal; with `honour_key` (or `dedupe`) once per key."""
        with self._lock:
            earlier = self._reversals.get(key)
            if (honour_key or self.dedupe) and earlier:
                return earlier[0]
            number = sum(len(each) for each in self._reversals.values()) + 1
            made = Reversal(f"V-{number}", refund_id, key, _now())
            self._write({"kind": "reversal", **made.to_json()})
            return made

    def under(self, key: str) -> dict[str, Any]:
        """Return `{key, calls, in_flight, refunds, reversals}`: all that is known under one idempotency key."""
        with self._lock:
            return {
                "key": key,
                "calls": len(self._calls.get(key, [])),
                "in_flight": self._in_flight[key],
                "refunds": [refund.to_json() for refund in self._refunds.get(key, [])],
                "reversals": [each.to_json() for each in self._reversals.get(key, [])],
            }

    def calls(self, key: str) -> list[dict[str, Any]]:
        """Return every call under a key, in order: `{order_id, cents, at, fault}`."""
        with self._lock:
            return list(self._calls.get(key, []))

    def stats(self) -> dict[str, Any]:
        """Return the counts: calls, refunds and reversals, each per key, and `total` cents refunded (whatever was taken back)."""
        with self._lock:
            made = [refund for refunds in self._refunds.values() for refund in refunds]
            return {
                "calls": sum(len(calls) for calls in self._calls.values()),
                "calls_per_key": {key: len(calls) for key, calls in self._calls.items()},
                "refunds": len(made),
                "refunds_per_key": {key: len(refunds) for key, refunds in self._refunds.items()},
                "reversals_per_key": {key: len(each) for key, each in self._reversals.items()},
                "total": sum(refund.cents for refund in made),
            }

    def _count(self) -> int:
        return sum(len(refunds) for refunds in self._refunds.values())

    def _take_file(self) -> None:
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as busy:
            raise BookError(
                f"{self.path} is in use by another payment service; stop that one or give another --db"
            ) from busy

    def _read_back(self) -> None:
        whole = self.path.read_bytes()
        end = whole.rfind(b"\n") + 1
        if end < len(whole):
            # A line torn by a kill was never acted upon, so the book goes on from the last whole one.
            os.ftruncate(self._file, end)
        for number, line in enumerate(whole[:end].splitlines(), start=1):
            try:
                self._learn(json.loads(line))
            except (ValueError, KeyError, TypeError) as damage:
                raise BookError(
                    f"{self.path}, line {number} cannot be read ({damage}); repair or remove the file"
                ) from damage

    def _write(self, fact: dict[str, Any]) -> None:
        line = json.dumps(fact, sort_keys=True).encode() + b"\n"
        before = os.fstat(self._file).st_size
        written = os.write(self._file, line)
        if written < len(line):
            os.ftruncate(self._file, before)
            raise OSError(f"{self.path}: {written} of {len(line)} bytes were written; is the disk full?")
        os.fsync(self._file)
        self._learn(fact)

    def _learn(self, fact: dict[str, Any]) -> None:
        match fact["kind"]:
            case "order":
                self._orders[fact["id"]] = fact["cents"]
            case "call":
                told = {name: value for name, value in fact.items() if name not in ("kind", "key")}
                self._calls.setdefault(fact["key"], []).append(told)
            case "refund":
                made = Refund(fact["id"], fact["order_id"], fact["cents"], fact["key"], fact["at"])
                self._refunds.setdefault(made.key, []).append(made)
            case "reversal":
                undone = Reversal(fact["id"], fact["refund"], fact["key"], fact["at"])
                self._reversals.setdefault(undone.key, []).append(undone)
            case kind:
                raise ValueError(f"unknown kind {kind!r}")


def _same(refund: Refund, order_id: str, cents: int) -> Refund:
    if (refund.order_id, refund.cents) != (order_id, cents):
        raise KeyReused(
            f"key {refund.key!r} already refunded {refund.cents} cents of order {refund.order_id!r}, "
            f"not {cents} cents of order {order_id!r}; use a new key for another refund"
        )
    return refund


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
