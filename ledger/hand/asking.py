"""Asking a tool about a call that was made: its probe, and whether its effect still stands."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from dataclasses import replace
from typing import Any

from ledger.canonical import type_name
from ledger.declared import Tool
from ledger.outcomes import Absent, Cancellation, Landed, ToolCall, Unknown

from .entering import finished
from .touching import in_thread, wait_for

Quietly = Callable[[], None] | None


def touch_probe(
    tool: Tool, call: ToolCall, timeout: float, after: Quietly = None, when_slow: Quietly = None
) -> Landed | Absent | Unknown:
    """Ask a tool's probe how an earlier call ended.

    Returns:
        What the probe answered. No probe, an exception, a timeout or an answer of another type is
        `Unknown` with the reason: a probe that fails proves nothing.
    """
    probe = tool.probe_fn
    if probe is None:
        return Unknown(f"tool {tool.name!r} has no probe")
    answer = _asked(probe, "probe", tool, call, (), timeout, after, when_slow)
    if isinstance(answer, (Landed, Absent, Unknown)):
        return answer
    return Unknown(
        f"the probe of tool {tool.name!r} gave {_kind(answer)}; it must give Landed(...), Absent() or Unknown()"
    )


def touch_confirm(
    tool: Tool,
    call: ToolCall,
    result: Any,
    timeout: float,
    after: Quietly = None,
    when_slow: Quietly = None,
) -> bool | Unknown:
    """Ask a tool's confirm function whether a landed effect still stands; it gets a copy of the recorded result.

    Returns:
        Its answer. No such function, an exception, a timeout or an answer of another type is `Unknown` with the
        reason: it proves nothing.
    """
    confirm = tool.confirm_fn
    if confirm is None:
        return Unknown(f"tool {tool.name!r} has no confirm function (any more)")
    answer = _asked(confirm, "confirm", tool, call, (deepcopy(result),), timeout, after, when_slow)
    if isinstance(answer, (bool, Unknown)):
        return answer
    return Unknown(f"confirm of tool {tool.name!r} gave {_kind(answer)}; it must give True or False")


def _asked(
    fn: Callable[..., Any],
    what: str,
    tool: Tool,
    call: ToolCall,
    more: tuple[Any, ...],
    timeout: float,
    after: Quietly,
    when_slow: Quietly,
) -> object:
    asked = replace(call, citations=[], cancellation=Cancellation())  # the call itself was perhaps given up
    name = f"{what} of {tool.name}"
    future = in_thread(lambda: finished(lambda: fn(asked, *more), asked), name, after)
    try:
        answer = wait_for(future, name, timeout, when_slow)
    except TimeoutError:
        asked.cancel()
        future.cancel()
        return Unknown(f"the {what} of tool {tool.name!r} did not answer within {timeout:g} s")
    if answer.error is not None:
        return Unknown(
            f"the {what} of tool {tool.name!r} raised {answer.error['class']}: {answer.error['message']}"
        )
    return answer.value


def _kind(value: object) -> str:
    return f"the class {value.__name__}" if isinstance(value, type) else type_name(value)
