"""How long the database kept somebody waiting: an outage in the middle of a tick is nobody's silence either."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

from django.db import connection

from . import clock


class Answers:
    """Sees the statements of one thread; `longest` is the longest time from one answer to the next."""

    def __init__(self) -> None:
        self.longest = timedelta(0)
        self._last = clock.now()

    def _note(self) -> None:
        now = clock.now()
        self.longest = max(self.longest, now - self._last)
        self._last = now

    def __call__(self, execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        """Pass a statement on; a commit before it is counted as waiting for this one."""
        try:
            return execute(sql, params, many, context)
        finally:
            self._note()


@contextmanager
def awaited() -> Iterator[Answers]:
    """Watch what this thread asks of the database within the block."""
    seen = Answers()
    with connection.execute_wrapper(seen):
        yield seen
