"""The hand turns every way a tool can end into a value."""

from __future__ import annotations

import asyncio
import contextvars
import datetime
import os
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from ledger.hand import Touch, threads, touch
from ledger.outcomes import NotLanded, ToolCall
from ledger.tools import Tool

LONG = 30.0
SHORT = 0.05
who: contextvars.ContextVar[str] = contextvars.ContextVar("who", default="nobody")


def the_call() -> ToolCall:
    return ToolCall(idempotency_key="k", tool="toy")


def run(
    fn: Any, args: dict[str, Any] | None = None, *, call: ToolCall | None = None, **options: Any
) -> Touch:
    given: dict[str, Any] = {"timeout": LONG, "lease_ok": lambda: True, **options}
    return touch(Tool(name="toy", fn=fn), args or {}, call or the_call(), **given)


def test_a_tool_gets_bound_arguments_and_its_call_and_its_citations_come_back() -> None:
    def read(day: datetime.date, call: ToolCall) -> list[object]:
        call.cite("doc-1")
        return [day, call.idempotency_key]

    found = run(read, {"day": "2026-01-02"})
    assert (found.kind, found.value) == ("returned", [datetime.date(2026, 1, 2), "k"])
    assert found.citations == [{"doc_id": "doc-1", "digest": None, "source": None}]
    assert found.seconds >= 0
    assert found.error is None


def test_an_async_tool_is_awaited_in_a_loop_of_its_thread() -> None:
    async def later(x: int) -> int:
        await asyncio.sleep(0)
        return x + 1

    assert run(later, {"x": 1}).value == 2


def test_the_tool_runs_in_a_daemon_thread_with_the_context_of_its_caller() -> None:
    who.set("caller")
    found = run(lambda: (who.get(), threading.current_thread().daemon, threading.current_thread().name))
    assert found.value == ("caller", True, "tool toy")


def test_without_the_lease_the_function_is_never_entered() -> None:
    entered: list[int] = []
    assert run(lambda: entered.append(1), lease_ok=lambda: False).kind == "not_sent"
    broken = run(lambda: entered.append(1), lease_ok=lambda: 1 // 0)
    assert broken.kind == "not_sent"
    assert broken.error is not None
    assert broken.error["class"] == "ZeroDivisionError"
    assert entered == []


def test_a_call_that_was_cancelled_before_it_began_is_not_sent() -> None:
    call = the_call()
    call.cancel()
    assert run(lambda: 1, call=call).kind == "not_sent"


def test_arguments_that_no_longer_fit_did_not_land_for_good() -> None:
    def pay(cents: int) -> None: ...

    found = run(pay, {"cents": "x"})
    assert found.kind == "not_landed"
    assert found.error is not None
    assert found.error["class"] == "ledger.schema.BadArguments"
    assert found.error["permanent"] is True


def test_only_the_word_of_the_tool_says_that_it_did_not_land() -> None:
    def refused() -> None:
        raise NotLanded("connection refused", retry_after=3)

    found = run(refused)
    assert found.kind == "not_landed"
    assert found.error is not None
    assert (found.error["message"], found.error["retry_after"]) == ("connection refused", 3.0)


class Rude(BaseException):
    def __str__(self) -> str:
        raise RuntimeError("no message")


@pytest.mark.parametrize(
    "error",
    [
        ValueError("x"),
        TimeoutError("x"),
        KeyboardInterrupt(),
        SystemExit(3),
        GeneratorExit(),
        Rude(),
        asyncio.CancelledError(),
    ],
)
def test_whatever_else_a_tool_raises_is_a_value_here(error: BaseException) -> None:
    def fail() -> None:
        raise error

    async def fail_async() -> None:
        raise error

    for fn in (fail, fail_async):
        found = run(fn)
        assert found.kind == "raised"
        assert found.error is not None
        assert found.error["class"].endswith(type(error).__name__)


def test_messages_and_tracebacks_are_bounded_and_the_end_is_kept() -> None:
    def deep(n: int) -> None:
        if n == 0:
            raise ValueError("\u00e9" * 10_000 + "THE END")
        deep(n - 1)

    found = run(deep, {"n": 50})
    assert found.error is not None
    assert len(found.error["message"].encode()) <= 4096
    assert len(found.error["traceback_tail"].encode()) <= 4096
    assert found.error["traceback_tail"].rstrip().endswith("THE END")


def test_a_tool_that_ignores_its_timeout_is_abandoned_and_its_late_answer_is_told() -> None:
    release = threading.Event()

    def stubborn(call: ToolCall) -> str:
        release.wait(LONG)
        return f"late, cancelled={call.cancelled()}"

    found = run(stubborn, timeout=SHORT)
    assert found.kind == "timeout"
    assert found.error is not None
    assert "may still land" in found.error["message"]
    assert found.late is not None
    assert not found.late.done()
    release.set()
    late = found.late.result(LONG)
    assert (late.kind, late.value) == ("returned", "late, cancelled=True")


def test_an_async_tool_is_cancelled_at_its_timeout() -> None:
    async def slow() -> None:
        await asyncio.Event().wait()

    found = run(slow, timeout=SHORT)
    assert found.kind == "timeout"
    assert found.late is not None
    assert found.late.result(LONG).kind == "cancelled"


def test_a_call_whose_thread_came_too_late_is_not_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    begun: list[Callable[[], None]] = []
    monkeypatch.setattr(threads, "do", lambda work, name: begun.append(work))
    entered: list[int] = []
    found = run(lambda: entered.append(1), timeout=SHORT)
    assert found.kind == "not_sent"
    begun[0]()  # the thread gets its turn after all
    assert entered == []


def test_where_no_thread_can_be_had_nothing_is_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(self: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threads, "_idle", [])
    monkeypatch.setattr(threading.Thread, "start", full)
    found = run(lambda: 1)
    assert found.kind == "not_sent"
    assert found.error is not None
    assert "can't start" in found.error["message"]


def test_the_thread_tidies_up_after_itself_also_when_the_tool_failed() -> None:
    tidied: list[str] = []
    done = threading.Event()

    def after() -> None:
        tidied.append(threading.current_thread().name)
        done.set()

    assert run(lambda: 1 // 0, after=after).kind == "raised"
    assert done.wait(LONG)
    assert tidied == ["tool toy"]


def test_a_failing_tidy_up_takes_nothing_from_the_outcome(caplog: pytest.LogCaptureFixture) -> None:
    idle: list[threading.Thread] = []

    def note() -> int:
        idle.append(threading.current_thread())
        return 1

    assert run(note, after=lambda: 1 // 0).value == 1
    give_up = time.monotonic() + LONG
    while idle[0] not in threads._idle and time.monotonic() < give_up:
        time.sleep(0.01)
    assert "cleaning up the thread of tool toy failed" in caplog.text


def test_who_waits_for_a_slow_call_gives_back_what_it_holds_and_for_a_quick_one_does_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    given_back: list[str] = []
    gate = threading.Event()

    def give_back() -> None:
        given_back.append(threading.current_thread().name)
        gate.set()

    assert run(lambda: 1, when_slow=give_back).value == 1
    assert given_back == []
    monkeypatch.setattr("ledger.hand.touching.SLOW", SHORT)
    assert run(lambda: gate.wait(LONG), when_slow=give_back).value is True
    assert given_back == [threading.current_thread().name]


def test_a_thread_that_has_ended_one_call_makes_the_next_and_none_that_still_runs_one() -> None:
    gate = threading.Event()
    stuck = run(lambda: (gate.wait(LONG), threading.get_ident())[1], timeout=SHORT)
    assert stuck.kind == "timeout"
    assert stuck.late is not None
    used = [run(threading.get_ident).value for _ in range(50)]
    gate.set()
    assert stuck.late.result(LONG).value not in used
    assert len(set(used)) < 50


def test_more_calls_at_once_than_threads_are_kept_all_run() -> None:
    together = threading.Barrier(2 * threads.KEPT)
    with ThreadPoolExecutor(2 * threads.KEPT) as pool:
        kinds = list(pool.map(lambda _: run(lambda: together.wait(LONG)).kind, range(2 * threads.KEPT)))
    assert kinds == ["returned"] * (2 * threads.KEPT)
    assert run(lambda: 1).value == 1
    assert len(threads._idle) <= threads.KEPT


def test_a_call_sees_nothing_of_the_context_of_the_one_before() -> None:
    def whisper() -> str:
        before = who.get()
        who.set("me")
        return before

    who.set("caller")
    assert {run(whisper).value for _ in range(20)} == {"caller"}


def test_a_process_that_is_forked_makes_threads_of_its_own() -> None:
    run(lambda: 1)
    reads, writes = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(writes, str(run(lambda: 7, timeout=SHORT * 100).value).encode())
        os._exit(0)
    os.waitpid(child, 0)
    assert os.read(reads, 9) == b"7"
