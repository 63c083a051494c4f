"""What a transactional tool is kept from while it is inside the transaction of its outcome.

It may not reach for another database, end the transaction by itself, or begin a statement once its time is over.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from django.db import connection, connections

from .outcomes import NotLanded

PROGRESS = 10_000  # instructions of SQLite between two looks at the time
_ENDS_OR_BEGINS = re.compile(
    r"\s*(BEGIN|START\s+TRANSACTION|COMMIT|END|ABORT|ROLLBACK(?!\s+TO\b)|PREPARE\s+TRANSACTION)\b",
    re.IGNORECASE,
)


class OtherDatabase(NotLanded):
    """The tool reached for a database whose writes would not be rolled back with its own."""


class OwnTransaction(NotLanded):
    """The tool wanted to begin or end the transaction that its outcome is written in."""


class TimeIsOver(NotLanded):
    """The tool began a statement after its time."""


@contextmanager
def inside_the_transaction(seconds: float) -> Iterator[None]:
    """Watch what this thread sends to databases while a tool runs.

    Args:
        seconds: how long the tool may take.
    """
    over = time.monotonic() + seconds
    with ExitStack() as stack:
        for alias in connections:
            watch = _own(over) if alias == connection.alias else _refusing(alias)
            stack.enter_context(connections[alias].execute_wrapper(watch))
        stack.enter_context(_interrupted(over))
        yield


def _refusing(alias: str) -> Callable[..., Any]:
    def refuse(execute: Any, sql: Any, params: Any, many: bool, context: Any) -> Any:
        raise OtherDatabase(
            f"a transactional tool used the database {alias!r}; what it writes there would outlive a rollback. Do it "
            "in a tool of its own, with effect='at_most_once' or 'idempotent'",
            permanent=True,
        )

    return refuse


def _own(over: float) -> Callable[..., Any]:
    def watch(execute: Any, sql: Any, params: Any, many: bool, context: Any) -> Any:
        if _ENDS_OR_BEGINS.match(str(sql)):
            raise OwnTransaction(
                f"a transactional tool sent {str(sql)[:40]!r}; its transaction ends with its outcome. Use a savepoint: "
                "transaction.atomic()",
                permanent=True,
            )
        if time.monotonic() > over:
            raise TimeIsOver("the time of the transactional tool was over before it was done")
        return execute(sql, params, many, context)

    return watch


@contextmanager
def _interrupted(over: float) -> Iterator[None]:
    """SQLite has no limit for a statement: look at the time while it computes. Postgres is told by the store."""
    raw: Any = connection.connection
    if connection.vendor != "sqlite" or raw is None:
        yield
        return
    raw.set_progress_handler(lambda: time.monotonic() > over, PROGRESS)
    try:
        yield
    finally:
        raw.set_progress_handler(None, 0)
