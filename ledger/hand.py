"""The only line that calls a tool."""

from __future__ import annotations

import asyncio
import contextvars
import logging
import threading
import time
from collections.abc import Callable, Coroutine, Mapping
from concurrent.futures import CancelledError, Future
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from ledger.canonical import type_name
from ledger.crashpoints import crashpoint
from ledger.declared import Tool
from ledger.outcomes import Absent, Cancellation, Landed, NotLanded, ToolCall, Unknown
from ledger.tracebacks import described

logger = logging.getLogger(__name__)

Kind = Literal["returned", "not_landed", "raised", "timeout", "not_sent", "cancelled"]
_CANCELLED = (asyncio.CancelledError, CancelledError)
_running: set[asyncio.Task[Touch]] = set()


@dataclass(frozen=True)
class Touch:
    """How one call of a tool ended, as far as this process saw it.

    `kind`: `returned` (with `value`) · `not_landed` (the tool said so, or its arguments no longer
    fit: the function was not entered) · `raised` · `timeout` · `not_sent` (refused before the
    function was entered) · `cancelled` (it stopped because it was told to). `error` is
    `{class, message, traceback_tail}` and, where the exception said so, `permanent`, `retry_after`.
    After a timeout `late` yields the `Touch` of the abandoned call if it ends after all.
    """

    kind: Kind
    value: object = None
    error: dict[str, Any] | None = None
    seconds: float = 0.0
    citations: list[dict[str, str | None]] = field(default_factory=list)
    late: Future[Touch] | None = None


def touch(
    tool: Tool,
    args: Mapping[str, Any],
    call: ToolCall,
    *,
    timeout: float,
    lease_ok: Callable[[], bool],
    after: Callable[[], None] | None = None,
) -> Touch:
    """Call a tool from ordinary code, in a daemon thread of its own, and wait for it.

    Args:
        tool: what to call; an async tool runs in an event loop of that thread.
        args: recorded JSON arguments; call: what the tool is told about this call.
        timeout: seconds to wait; a call that takes longer is abandoned, see `Touch.late`.
        lease_ok: asked directly before the function is entered; False or an exception: `not_sent`.
        after: run in the tool's thread when it ends, e.g. to close its database connections.

    Returns:
        The `Touch`; whatever the tool raises is in it.
    """
    begun = time.monotonic()
    future = _in_thread(lambda: _run(tool, args, call, lease_ok), tool.name, after)
    try:
        return future.result(timeout)
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
        task = asyncio.create_task(_entered(tool, args, call, lease_ok))
        waiting: asyncio.Future[Touch] = task
        future = _mirror(task, call)
    else:
        future = _in_thread(lambda: _run(tool, args, call, lease_ok), tool.name, after)
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


def touch_probe(
    tool: Tool, call: ToolCall, timeout: float, after: Callable[[], None] | None = None
) -> Landed | Absent | Unknown:
    """Ask a tool's probe how an earlier call ended.

    Returns:
        What the probe answered. No probe, an exception, a timeout or an answer of another type is
        `Unknown` with the reason: a probe that fails proves nothing.
    """
    probe = tool.probe_fn
    if probe is None:
        return Unknown(f"tool {tool.name!r} has no probe")
    asked = replace(call, citations=[], cancellation=Cancellation())  # the call itself was perhaps given up
    future = _in_thread(lambda: _finished(lambda: probe(asked), asked), f"probe of {tool.name}", after)
    try:
        answer = future.result(timeout)
    except TimeoutError:
        asked.cancel()
        future.cancel()
        return Unknown(f"the probe of tool {tool.name!r} did not answer within {timeout:g} s")
    if isinstance(answer.value, (Landed, Absent, Unknown)):
        return answer.value
    if answer.error is not None:
        return Unknown(
            f"the probe of tool {tool.name!r} raised {answer.error['class']}: {answer.error['message']}"
        )
    wrong = (
        f"the class {answer.value.__name__}" if isinstance(answer.value, type) else type_name(answer.value)
    )
    return Unknown(
        f"the probe of tool {tool.name!r} gave {wrong}; it must give Landed(...), Absent() or Unknown()"
    )


def _in_thread(work: Callable[[], Touch], name: str, after: Callable[[], None] | None) -> Future[Touch]:
    """Run `work`, which never raises, in a daemon thread with a copy of the caller's context."""
    future: Future[Touch] = Future()
    context = contextvars.copy_context()

    def body() -> None:
        if future.set_running_or_notify_cancel():
            future.set_result(context.run(work))
            if after is not None:
                _tidied(after, name)

    try:
        threading.Thread(target=body, name=f"tool {name}", daemon=True).start()
    except RuntimeError as error:  # no thread to be had: nothing was entered
        future.set_result(Touch("not_sent", error=described(error)))
    return future


def _tidied(after: Callable[[], None], name: str) -> None:
    try:
        after()
    except Exception:  # the outcome is told already and must stand
        logger.exception("cleaning up the thread of tool %s failed; its connections may stay open", name)


def _run(tool: Tool, args: Mapping[str, Any], call: ToolCall, lease_ok: Callable[[], bool]) -> Touch:
    """The body of the thread: bind, check the lease, call, and wait for a coroutine."""
    ready = _ready(tool, args, call, lease_ok)
    if isinstance(ready, Touch):
        return ready
    return _finished(lambda: tool.fn(**ready), call)


async def _entered(
    tool: Tool, args: Mapping[str, Any], call: ToolCall, lease_ok: Callable[[], bool]
) -> Touch:
    """The same for an async tool in the caller's loop."""
    ready = _ready(tool, args, call, lease_ok)
    if isinstance(ready, Touch):
        return ready
    begun = time.monotonic()
    try:
        value = await tool.fn(**ready)
    except BaseException as error:
        if isinstance(error, _CANCELLED) and not call.cancelled():
            raise  # the loop is stopping: this is not the tool's answer
        return _broken(error, call, begun)
    return _told(value, call, begun)


def _ready(
    tool: Tool, args: Mapping[str, Any], call: ToolCall, lease_ok: Callable[[], bool]
) -> dict[str, Any] | Touch:
    """The keyword arguments if the function may be entered now, else why not."""
    try:
        bound = tool.arguments.bind(args)
    except Exception as error:  # a validator of the author's may raise anything
        return Touch("not_landed", error=described(error) | {"permanent": True})
    if tool.wants_call:
        bound["call"] = call
    try:
        allowed = lease_ok() and not call.cancelled()
    except Exception as error:  # who cannot tell whether the lease holds may not call
        return Touch("not_sent", error=described(error))
    if not allowed:
        return Touch("not_sent")
    crashpoint("before_call")
    return bound


def _finished(enter: Callable[[], Any], call: ToolCall) -> Touch:
    """Enter a function in this thread; every way out, even SystemExit, becomes a `Touch`."""
    begun = time.monotonic()
    try:
        value = enter()
        if asyncio.iscoroutine(value):
            value = asyncio.run(_stoppable(value, call))
    except BaseException as error:
        return _broken(error, call, begun)
    return _told(value, call, begun)


async def _stoppable(coroutine: Coroutine[Any, Any, Any], call: ToolCall) -> Any:
    task = asyncio.ensure_future(coroutine)
    _stop_with(call, task)
    return await task


def _stop_with(call: ToolCall, task: asyncio.Task[Any]) -> None:
    """Cancel the task, once, when the call is given up; that may be said from another thread."""
    loop = asyncio.get_running_loop()

    def stop() -> None:
        with suppress(RuntimeError):  # the loop has closed: nothing is left to stop
            loop.call_soon_threadsafe(task.cancel)

    call.cancellation.hook(stop)


def _told(value: object, call: ToolCall, begun: float) -> Touch:
    crashpoint("after_call")
    return Touch("returned", value, None, time.monotonic() - begun, list(call.citations))


def _broken(error: BaseException, call: ToolCall, begun: float) -> Touch:
    crashpoint("after_call")
    kind: Kind = "raised"
    if isinstance(error, NotLanded):
        kind = "not_landed"
    elif isinstance(error, _CANCELLED) and call.cancelled():
        kind = "cancelled"
    return Touch(kind, None, described(error), time.monotonic() - begun, list(call.citations))


def _given_up(future: Future[Touch], call: ToolCall, begun: float, timeout: float) -> Touch:
    """After the timeout: the call was never entered, ended this very moment, or is abandoned."""
    call.cancel()
    if future.cancel():
        return Touch("not_sent", seconds=time.monotonic() - begun)
    if future.done():
        return future.result()
    message = f"tool did not answer within {timeout:g} s; the call is abandoned and may still land"
    error = {"class": "TimeoutError", "message": message, "traceback_tail": ""}
    return Touch("timeout", None, error, time.monotonic() - begun, list(call.citations), future)


def _mirror(task: asyncio.Task[Touch], call: ToolCall) -> Future[Touch]:
    """A thread-safe future that ends as the task does; it also keeps the task alive."""
    future: Future[Touch] = Future()
    future.set_running_or_notify_cancel()
    _running.add(task)
    _stop_with(call, task)

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
