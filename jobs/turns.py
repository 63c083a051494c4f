"""Turns at the pen: on SQLite one writer at a time, so a process queues its own writers, heartbeats first.

Without it a heartbeat could lose the file's lock to busy steps, again and again, until its lease had passed.
Postgres needs no such thing, and gets none.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection


class _Turns:
    """A lock that lets the urgent in before everybody else; the same thread may enter again."""

    def __init__(self) -> None:
        self._free = threading.Condition()
        self._holder: int | None = None
        self._depth = 0
        self._urgent = 0

    def enter(self, *, urgent: bool) -> None:
        me = threading.get_ident()
        with self._free:
            if self._holder == me:
                self._depth += 1
                return
            self._urgent += urgent
            try:
                self._free.wait_for(lambda: self._holder is None and (urgent or self._urgent == 0))
            finally:
                self._urgent -= urgent
            self._holder, self._depth = me, 1

    def leave(self) -> None:
        with self._free:
            self._depth -= 1
            if self._depth == 0:
                self._holder = None
                self._free.notify_all()


_turns = _Turns()
_thread = threading.local()


def hasten() -> None:
    """From now on every turn of this thread is urgent: it keeps the lease, and time, of all the others."""
    _thread.urgent = True


@contextmanager
def turn(*, urgent: bool = False) -> Iterator[None]:
    """Hold the pen of this process's database while writing (SQLite only).

    Args:
        urgent: goes before steps that wait, as every turn of a thread does that has called `hasten`.
    """
    if connection.vendor != "sqlite":
        yield
        return
    _turns.enter(urgent=urgent or getattr(_thread, "urgent", False))
    try:
        yield
    finally:
        _turns.leave()


def forget() -> None:
    """After a fork: nobody holds the child's pen."""
    global _turns
    _turns = _Turns()
