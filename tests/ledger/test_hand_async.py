"""The hand in an event loop: async tools are tasks of it, others have their thread."""

from __future__ import annotations

import asyncio
import contextvars
import threading
from typing import Any

import pytest

from ledger.hand import Touch, touch_async
from ledger.outcomes import NotLanded, ToolCall
from ledger.tools import Tool

LONG = 30.0
SHORT = 0.05
who: contextvars.ContextVar[str] = contextvars.ContextVar("who", default="nobody")


async def begin(fn: Any, *, call: ToolCall | None = None, **options: Any) -> Touch:
    given: dict[str, Any] = {"timeout": LONG, "lease_ok": lambda: True, **options}
    return await touch_async(Tool(name="toy", fn=fn), {}, call or ToolCall(idempotency_key="k"), **given)


def run(fn: Any, **options: Any) -> Touch:
    return asyncio.run(begin(fn, **options))


def test_an_async_tool_runs_in_the_loop_and_context_of_its_caller() -> None:
    async def inner() -> tuple[str, int]:
        return who.get(), id(asyncio.get_running_loop())

    async def outer() -> tuple[Touch, int]:
        who.set("caller")
        return await begin(inner), id(asyncio.get_running_loop())

    found, loop = asyncio.run(outer())
    assert (found.kind, found.value) == ("returned", ("caller", loop))


def test_a_sync_tool_leaves_the_loop_free_and_keeps_the_context() -> None:
    release = threading.Event()

    def blocking() -> str:
        assert release.wait(LONG)
        return who.get()

    async def outer() -> Touch:
        who.set("caller")
        waiting = asyncio.create_task(begin(blocking))
        await asyncio.sleep(0)
        release.set()  # reached only because the loop is free
        return await waiting

    assert asyncio.run(outer()).value == "caller"


def test_a_sync_wrapper_around_an_async_function_is_called_once() -> None:
    import functools

    entered: list[int] = []

    async def inner() -> int:
        entered.append(1)
        return 7

    @functools.wraps(inner)
    def plain() -> int:
        return asyncio.run(inner())

    @functools.wraps(inner)
    def passing() -> object:
        return inner()

    assert run(plain).value == 7
    assert run(passing).value == 7
    assert entered == [1, 1]


@pytest.mark.parametrize("error", [ValueError("x"), SystemExit(3), KeyboardInterrupt(), TimeoutError("x")])
def test_what_an_async_tool_raises_does_not_stop_the_loop(error: BaseException) -> None:
    async def fail() -> None:
        raise error

    found = run(fail)
    assert found.kind == "raised"
    assert found.error is not None
    assert found.error["class"] == type(error).__name__


def test_not_landed_and_a_lost_lease_are_told_apart() -> None:
    async def refused() -> None:
        raise NotLanded("full", permanent=True)

    found = run(refused)
    assert found.kind == "not_landed"
    assert found.error is not None
    assert found.error["permanent"] is True
    assert run(refused, lease_ok=lambda: False).kind == "not_sent"
    assert run(lambda: 1, lease_ok=lambda: False).kind == "not_sent"


def test_an_async_tool_is_cancelled_once_at_its_timeout_and_may_still_answer() -> None:
    async def polite() -> str:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            await asyncio.sleep(0)  # a second cancellation would strike here
            return "landed after all"
        return "never"

    async def outer() -> tuple[Touch, Touch]:
        found = await begin(polite, timeout=SHORT)
        assert found.late is not None
        return found, await asyncio.wrap_future(found.late)

    found, late = asyncio.run(outer())
    assert found.kind == "timeout"
    assert (late.kind, late.value) == ("returned", "landed after all")


def test_a_sync_tool_is_abandoned_at_its_timeout_and_outlives_the_loop() -> None:
    release = threading.Event()

    def stubborn() -> str:
        assert release.wait(LONG)
        return "late"

    found = run(stubborn, timeout=SHORT)
    assert found.kind == "timeout"
    assert found.late is not None
    release.set()
    assert found.late.result(LONG).value == "late"


def test_cancelling_the_call_stops_an_async_tool() -> None:
    call = ToolCall(idempotency_key="k")

    async def endless() -> None:
        call.cancel()
        await asyncio.Event().wait()

    assert run(endless, call=call).kind == "cancelled"


def test_cancelling_who_waits_asks_the_tool_to_stop_and_goes_on() -> None:
    call = ToolCall(idempotency_key="k")
    stopped = asyncio.Event()

    async def endless() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            stopped.set()

    async def outer() -> None:
        waiting = asyncio.create_task(begin(endless, call=call))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        await stopped.wait()

    asyncio.run(asyncio.wait_for(outer(), LONG))
    assert call.cancelled()
