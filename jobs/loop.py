"""The process's one event loop: asynchronous steps run there; database work never blocks it."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from typing import Any

from django.db import close_old_connections

from .conf import conf

log = logging.getLogger("aetheris.loop")
DATABASE_THREADS = 8  # each keeps one connection, however many steps wait

_lock = threading.Lock()
_loop: asyncio.AbstractEventLoop | None = None
_slots: threading.BoundedSemaphore | None = None
_executor: ThreadPoolExecutor | None = None


def _running() -> asyncio.AbstractEventLoop:
    """The loop, started at its first use (after a fork, never before)."""
    global _loop, _slots, _executor
    with _lock:
        if _loop is None:
            _loop = asyncio.new_event_loop()
            _slots = threading.BoundedSemaphore(conf().LOOP_SLOTS)
            _executor = ThreadPoolExecutor(DATABASE_THREADS, thread_name_prefix="aetheris-db")
            threading.Thread(target=_loop.run_forever, name="aetheris-loop", daemon=True).start()
        return _loop


def forget() -> None:
    """After a fork: the child's loop is a new one."""
    global _loop, _slots, _executor
    _loop = _slots = _executor = None


def take_slot() -> bool:
    """Take a place on the loop, for `hand_off`; False while as many are taken as `AETHERIS["LOOP_SLOTS"]` allows.

    Nobody waits here: a thread of the pool that waited could run no step meanwhile.
    """
    _running()
    slots = _slots
    assert slots is not None
    return slots.acquire(blocking=False)


def give_slot() -> None:
    """Give a place back that was not used."""
    assert _slots is not None
    _slots.release()


def hand_off(work: Coroutine[Any, Any, None], after: Callable[[], None]) -> None:
    """Give an asynchronous step to the loop, at the place that was taken for it.

    Args:
        work: the step.
        after: what is to be done, in a thread, once it is over and its place is free again.
    """
    running = _running()
    slots = _slots
    assert slots is not None
    future = asyncio.run_coroutine_threadsafe(work, running)

    def over(done: Future[None]) -> None:
        slots.release()
        _report(done)
        aside(after)

    future.add_done_callback(over)


def wait(work: Coroutine[Any, Any, None]) -> None:
    """Run an asynchronous step on the loop and wait for it."""
    asyncio.run_coroutine_threadsafe(work, _running()).result()


def _report(done: Future[None]) -> None:
    if not done.cancelled() and done.exception() is not None:
        log.error("an asynchronous step broke off; its lease decides", exc_info=done.exception())


async def in_thread(work: Callable[..., Any], *args: Any) -> Any:
    """Run blocking work, such as a commit, in one of the loop's few database threads."""
    assert _executor is not None
    return await asyncio.get_running_loop().run_in_executor(_executor, partial(_tidy, work, *args))


def aside(work: Callable[..., Any], *args: Any) -> None:
    """Have blocking work, such as a commit, done in one of the loop's database threads, without waiting for it."""
    assert _executor is not None
    _executor.submit(_tidy, work, *args)


def _tidy(work: Callable[..., Any], *args: Any) -> Any:
    close_old_connections()
    return work(*args)
