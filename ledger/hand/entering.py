"""Entering a tool's function: the only line that calls one, and every way out as a value."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine, Mapping
from concurrent.futures import CancelledError, Future
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Literal

from ledger.crashpoints import crashpoint
from ledger.declared import Tool, unwatched, watchman
from ledger.outcomes import NotLanded, ToolCall
from ledger.tracebacks import described
from ledger.vault import SecretUnavailable, revealed, wanted

Kind = Literal["returned", "not_landed", "raised", "timeout", "not_sent", "cancelled"]
_CANCELLED = (asyncio.CancelledError, CancelledError)


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


@unwatched()
def run(tool: Tool, args: Mapping[str, Any], call: ToolCall, lease_ok: Callable[[], bool]) -> Touch:
    """The body of the thread: bind, check the lease, call, and wait for a coroutine."""
    ready = _ready(tool, args, call, lease_ok)
    if isinstance(ready, Touch):
        return ready
    return finished(lambda: tool.fn(**ready), call)


async def entered(tool: Tool, args: Mapping[str, Any], call: ToolCall, lease_ok: Callable[[], bool]) -> Touch:
    """The same for an async tool in the caller's loop, as a task of its own."""
    watchman.set(None)
    if wanted(args):  # a provider may block
        ready = await asyncio.to_thread(_ready, tool, args, call, lease_ok)
    else:
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
    """The keyword arguments if the function may be entered now, else why not. Only here are secrets read."""
    try:
        known = revealed(args, tool=call.tool or tool.name, tenant=call.tenant)
        bound = tool.arguments.bind(known.args, known.values)
    except SecretUnavailable as error:
        told = described(error) | {"code": error.code, "traceback_tail": ""}
        return Touch("not_landed", error=told | {"permanent": error.permanent})
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


@unwatched()
def finished(enter: Callable[[], Any], call: ToolCall) -> Touch:
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
    stop_with(call, task)
    return await task


def stop_with(call: ToolCall, task: asyncio.Task[Any]) -> None:
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
