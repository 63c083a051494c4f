"""Calling a tool: in a thread of its own, on the event loop, or here; and giving it up when its time is over."""

from __future__ import annotations

import asyncio
import contextvars
import logging
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from contextlib import suppress
from typing import Any

from ledger.declared import Tool
from ledger.outcomes import ToolCall
from ledger.tracebacks import described

from . import threads
from .entering import Touch, entered, run, stop_with

logger = logging.getLogger("ledger.hand")
SLOW = 1.0  # seconds after which a call is slow: who waits for it gives back what others may need
_running: set[asyncio.Task[Touch]] = set()
_given_up_calls: set[Future[Touch]] = set()
_counting = threading.Lock()


def touch(
    tool: Tool,
    args: Mapping[str, Any],
    call: ToolCall,
    *,
    timeout: float,
    lease_ok: Callable[[], bool],
    after: Callable[[], None] | None = None,
    when_slow: Callable[[], None] | None = None,
) -> Touch:
    """Call a tool from ordinary code, in a daemon thread of its own, and wait for it.

    Args:
        tool: what to call; an async tool runs in an event loop of that thread.
        args: recorded JSON arguments; call: what the tool is told about this call.
        timeout: seconds to wait; a call that takes longer is abandoned, see `Touch.late`.
        lease_ok: asked directly before the function is entered; False or an exception: `not_sent`.
        after: run in the tool's thread when it ends, e.g. to close its database connections.
        when_slow: run in this thread if the call lasts, e.g. to give back a database connection meanwhile.

    Returns:
        The `Touch`; whatever the tool raises is in it.
    """
    begun = time.monotonic()
    future = in_thread(lambda: run(tool, args, call, lease_ok), tool.name, after)
    try:
        return wait_for(future, tool.name, timeout, when_slow)
    except TimeoutError:
        return _given_up(future, call, begun, timeout)
    except BaseException:  # the waiting thread itself is told to stop
        call.cancel()
        future.cancel()
        raise


async def touch_async(
    tool: Tool,
    args: Mapping[str, Any],
    call: ToolCall,
    *,
    timeout: float,  # noqa: ASYNC109  (a timeout here abandons the call and reports it, it does not raise)
    lease_ok: Callable[[], bool],
    after: Callable[[], None] | None = None,
) -> Touch:
    """Call a tool from the event loop: async tools as a task in it, others in a daemon thread.

    Arguments and result as for `touch`. If the awaiting task itself is cancelled, the tool is asked
    to stop and the cancellation goes on; the outcome of the call is then not known here.
    """
    begun = time.monotonic()
    if tool.is_async:
        task = asyncio.create_task(entered(tool, args, call, lease_ok))
        waiting: asyncio.Future[Touch] = task
        future = _mirror(task, call)
    else:
        future = in_thread(lambda: run(tool, args, call, lease_ok), tool.name, after)
        waiting = asyncio.wrap_future(future)
    try:
        await asyncio.wait({waiting}, timeout=timeout)
        if waiting.done() and not waiting.cancelled():
            return waiting.result()
        return _given_up(future, call, begun, timeout)
    finally:
        if not waiting.done():
            call.cancel()  # cancels the task of an async tool, once
        if not tool.is_async:
            waiting.cancel()


def touch_here(tool: Tool, args: Mapping[str, Any], call: ToolCall, *, lease_ok: Callable[[], bool]) -> Touch:
    """Call a tool in this very thread: it owns the transaction that the tool writes in.

    Nobody waits beside it and nobody gives it up: who opened the transaction bounds the call, and rolls it back.
    """
    return run(tool, args, call, lease_ok)


def in_thread(work: Callable[[], Touch], name: str, after: Callable[[], None] | None) -> Future[Touch]:
    """Run `work`, which never raises, in a daemon thread with a copy of the caller's context."""
    future: Future[Touch] = Future()
    context = contextvars.copy_context()

    def body() -> None:
        if future.set_running_or_notify_cancel():
            future.set_result(context.run(work))
            if after is not None:
                _tidied(after, name)

    try:
        threads.do(body, f"tool {name}")
    except RuntimeError as error:  # no thread to be had: nothing was entered
        future.set_result(Touch("not_sent", error=described(error)))
    return future


def wait_for(
    future: Future[Touch], name: str, timeout: float, when_slow: Callable[[], None] | None = None
) -> Touch:
    """Wait for what runs in a thread, giving back what others may need if that lasts.

    Raises:
        TimeoutError: it has not ended in time.
    """
    if when_slow is not None and timeout > SLOW:
        with suppress(TimeoutError):
            return future.result(SLOW)
        _tidied(when_slow, name)
        timeout -= SLOW
    return future.result(timeout)


def _tidied(after: Callable[[], None], name: str) -> None:
    try:
        after()
    except Exception:  # the outcome is told already and must stand
        logger.exception("cleaning up the thread of tool %s failed; its connections may stay open", name)


def _given_up(future: Future[Touch], call: ToolCall, begun: float, timeout: float) -> Touch:
    """After the timeout: the call was never entered, ended this very moment, or is abandoned."""
    call.cancel()
    if future.cancel():
        return Touch("not_sent", seconds=time.monotonic() - begun)
    if future.done():
        return future.result()
    _keep_count(future, call)
    message = f"tool did not answer within {timeout:g} s; the call is abandoned and may still land"
    error = {"class": "TimeoutError", "message": message, "traceback_tail": ""}
    return Touch("timeout", None, error, time.monotonic() - begun, list(call.citations), future)


def _keep_count(future: Future[Touch], call: ToolCall) -> None:
    """Say how many given-up calls this process still carries: each keeps a thread, or a task, until it ends."""
    with _counting:
        _given_up_calls.add(future)
        count = len(_given_up_calls)
    future.add_done_callback(_given_up_calls.discard)
    logger.warning(
        "tool %s, call %s of job %s is given up; %d calls that were given up have not ended in this process",
        call.tool, call.node, call.job_id, count,
    )  # fmt: skip


def _mirror(task: asyncio.Task[Touch], call: ToolCall) -> Future[Touch]:
    """A thread-safe future that ends as the task does; it also keeps the task alive."""
    future: Future[Touch] = Future()
    future.set_running_or_notify_cancel()
    _running.add(task)
    stop_with(call, task)

    def settle(ended: asyncio.Task[Touch]) -> None:
        _running.discard(ended)
        if ended.cancelled():
            future.set_result(Touch("cancelled"))
        elif (error := ended.exception()) is not None:
            future.set_result(Touch("raised", error=described(error)))
        else:
            future.set_result(ended.result())

    task.add_done_callback(settle)
    return future
