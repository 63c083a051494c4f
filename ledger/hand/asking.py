"""Asking a tool about a call that was made: its probe."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from ledger.canonical import type_name
from ledger.declared import Tool
from ledger.outcomes import Absent, Cancellation, Landed, ToolCall, Unknown

from .entering import finished
from .touching import in_thread, wait_for


def touch_probe(
    tool: Tool,
    call: ToolCall,
    timeout: float,
    after: Callable[[], None] | None = None,
    when_slow: Callable[[], None] | None = None,
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
    future = in_thread(lambda: finished(lambda: probe(asked), asked), f"probe of {tool.name}", after)
    try:
        answer = wait_for(future, f"probe of {tool.name}", timeout, when_slow)
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
