"""Arms of a gather, side by side: in threads for `def`, as tasks for `async def`."""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Callable, Coroutine, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from typing import Any

from django.db import connections

from ledger.services import give_back

from .interrupts import Drained, Parked, Stopped

THREADS = 32
SLOW = 1.0  # seconds
End = tuple[BaseException | None, Any]


def in_threads(works: Sequence[Callable[[], Any]]) -> list[Any]:
    """Run the arms in threads; all that can run has run when this returns or raises.

    Raises:
        Stopped, Drained: the step is over. Parked: some arm has to wait. Else the first arm's failure.
    """
    if not works:
        return []
    with ThreadPoolExecutor(min(len(works), THREADS), thread_name_prefix="aetheris-arm") as pool:
        futures = [pool.submit(contextvars.copy_context().run, _caught, work) for work in works]
        if wait(futures, timeout=SLOW).not_done:
            give_back()  # the arms have connections of their own
        ends = [future.result() for future in futures]
    return _results(ends)


async def as_tasks(works: Sequence[Coroutine[Any, Any, Any]]) -> list[Any]:
    """Run the arms as tasks, until all have settled; errors as for `in_threads`."""
    tasks = [asyncio.ensure_future(work) for work in works]
    try:
        ends = await asyncio.gather(*tasks, return_exceptions=True)
    finally:
        for task in tasks:
            task.cancel()
    return _results([(end if isinstance(end, BaseException) else None, end) for end in ends])


def _caught(work: Callable[[], Any]) -> End:
    try:
        return None, work()
    except BaseException as error:
        return error, None
    finally:
        connections.close_all()  # the thread goes, and its connection with it


def _results(ends: Sequence[End]) -> list[Any]:
    """The arms' values. A failure is told only when no arm waits any more: a later run must see the same one."""
    errors = [error for error, _ in ends if error is not None]
    for kind in (Stopped, Drained, Parked, BaseException):
        for error in errors:
            if isinstance(error, kind):
                raise error
    return [value for _, value in ends]
