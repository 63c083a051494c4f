"""Retries, failures, and the gap between promise and outcome (Laws E4, E5), through the real runner."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest

from jobs import TaskGraph, clock, resolve, runner
from jobs.core.moments import plus
from jobs.core.state import JobState
from jobs.models import Step
from jobs.testing import run_until_parked
from ledger import Absent, Landed, NotLanded, ToolCall, Unknown, tool
from ledger.models import Invocation
from tests.agents import world
from tests.agents.tools import look, opaque_send, probed, put, send
from tests.brokers.workers import until
from tests.engine.driving import a_word, after, asked, error_of, flow, kinds, ran, started
from tests.factories import person

pytestmark = pytest.mark.usefixtures("here")


def one(tool: Any, word: str, **options: Any) -> TaskGraph:
    graph = TaskGraph()
    graph.output(graph.tool("call", tool, word=word, **options))
    return graph


def line_of(job: str) -> Invocation:
    return Invocation.objects.get(job_id=job, node="call")


@pytest.mark.parametrize("tool", [look, put])
def test_a_failed_call_is_made_again_after_exactly_its_back_off(tool: Any) -> None:
    word = a_word()
    world.script(word, ValueError("one"), ValueError("two"), "three")
    job = started(one(tool, word))
    state = run_until_parked(job)
    asked = state.calls["call"]
    assert (state.status, world.times(word)) == ("running", 1)
    assert asked.wake_at == plus(state.at, 10)
    assert after(job, 9.5).calls["call"].attempt == 1
    state = after(job, 1)
    assert state.calls["call"].wake_at == plus(state.at, 20)
    assert world.times(word) == 2
    assert after(job, 21).output == "three"


def test_the_key_of_an_idempotent_call_is_the_same_for_every_attempt() -> None:
    word = a_word()
    world.script(word, ValueError("one"), ValueError("two"), "three")
    job = started(one(put, word))
    run_until_parked(job)
    after(job, 11)
    after(job, 21)
    key = line_of(job).idempotency_key
    assert (world.times(word), world.times(f"{word} {key}")) == (3, 3)


@pytest.mark.parametrize("tool", [look, put])
def test_a_call_that_keeps_failing_fails_after_its_attempts(tool: Any) -> None:
    word = a_word()
    world.script(word, *[ValueError("no")] * 5)
    job = started(one(tool, word))
    run_until_parked(job)
    after(job, 11)
    error = error_of(after(job, 21))
    assert (error["code"], error["attempt"], error["message"]) == ("raised", 3, "no")
    assert world.times(word) == 3


def test_the_retry_of_the_node_goes_over_that_of_the_tool() -> None:
    word = a_word()
    world.script(word, *[ValueError("no")] * 5)
    job = started(one(look, word, retry={"max_attempts": 2, "backoff": 1, "jitter": 0}))
    run_until_parked(job)
    error_of(after(job, 1.1))
    assert world.times(word) == 2


def test_a_permanent_error_is_not_tried_again() -> None:
    word = a_word()
    world.script(word, NotLanded("never", permanent=True))
    error = error_of(ran(one(send, word)))
    assert (error["code"], error["message"]) == ("not_landed", "never")
    assert world.times(word) == 1


def test_not_landed_is_tried_again_and_a_wait_that_the_other_side_asks_for_is_kept() -> None:
    word = a_word()
    world.script(word, NotLanded("busy", retry_after=100), "sent")
    job = started(one(send, word))
    run_until_parked(job)
    assert after(job, 99).status == "running"
    assert after(job, 2).output == "sent"


def test_not_landed_for_ever_fails() -> None:
    word = a_word()
    world.script(word, *[NotLanded("busy")] * 5)
    job = started(one(send, word))
    run_until_parked(job)
    after(job, 11)
    assert error_of(after(job, 21))["code"] == "not_landed"
    assert world.times(word) == 3


@pytest.fixture
def in_doubt() -> tuple[str, str]:
    """A job whose call raised something unexpected, and the word of the call."""
    word = a_word()
    world.script(word, OSError("connection reset"))
    job = started(one(send, word))
    assert run_until_parked(job).status == "parked"
    return job, word


def test_an_unexpected_exception_leaves_the_outcome_unknown_and_asks_a_person(
    in_doubt: tuple[str, str],
) -> None:
    job, word = in_doubt
    assert line_of(job).state == "unknown"
    assert after(job, 1e6).status == "parked"
    assert (world.times(word), kinds(job)[-2:]) == (1, ["outcome_unknown", "job_parked"])


def test_a_person_says_that_it_landed_and_with_what(in_doubt: tuple[str, str]) -> None:
    job, word = in_doubt
    resolve(line_of(job).id, "landed", actor=person(), result="as they say")
    assert run_until_parked(job).output == "as they say"
    assert (world.times(word), line_of(job).state) == (1, "landed")


def test_a_person_says_that_it_did_not_happen_and_it_is_called_with_the_same_key(
    in_doubt: tuple[str, str],
) -> None:
    job, word = in_doubt
    resolve(line_of(job).id, "absent", actor=person())
    assert run_until_parked(job).status == "completed"
    assert (world.times(word), world.times(f"{word} {line_of(job).idempotency_key}")) == (2, 2)


def test_a_person_gives_up_and_the_books_keep_the_doubt(in_doubt: tuple[str, str]) -> None:
    job, word = in_doubt
    resolve(line_of(job).id, "fail", actor=person())
    assert error_of(run_until_parked(job))["code"] == "outcome_unknown"
    assert (world.times(word), line_of(job).state) == (1, "given_up")


def test_a_probe_that_says_landed_is_adopted() -> None:
    word = a_word()
    world.script(word, OSError("reset"))
    world.script(f"probe {word}", Landed({"by": "probe"}))
    assert ran(one(probed, word)).output == {"by": "probe"}
    assert (world.times(word), world.times(f"probe {word}")) == (1, 1)


def test_a_final_probe_that_says_absent_lets_the_call_be_made_again() -> None:
    word = a_word()
    world.script(word, OSError("reset"), "second")
    world.script(f"probe {word}", Absent())
    assert ran(one(probed, word)).output == "second"
    assert world.times(word) == 2


def test_a_probe_that_does_not_know_is_asked_again_later() -> None:
    word = a_word()
    world.script(word, OSError("reset"))
    world.script(f"probe {word}", Unknown("not yet"), Landed("found"))
    job = started(one(probed, word))
    assert run_until_parked(job).status == "parked"
    assert Step.objects.get(job_id=job).wake_at is not None
    assert after(job, 3).output == "found"
    assert (world.times(word), world.times(f"probe {word}")) == (1, 2)


def test_an_effect_whose_result_cannot_be_stored_has_landed() -> None:
    word = a_word()
    job = started(one(opaque_send, word))
    assert error_of(run_until_parked(job))["code"] == "result_unstorable"
    assert (world.times(word), line_of(job).state) == (1, "landed")


class Hanging:
    """A call that hangs until it is let go."""

    def __init__(self, tool: Any) -> None:
        self.word, self.gate = a_word(), threading.Event()
        world.script(self.word, self.gate)
        self.job = started(one(tool, self.word, timeout=0.05))
        self.state = run_until_parked(self.job)

    def let_go(self) -> JobState:
        """The job once the abandoned call has told its outcome."""
        self.gate.set()
        for thread in threading.enumerate():
            if thread.name.startswith("tool "):
                thread.join(20)
        return run_until_parked(self.job)


def test_a_hanging_effect_is_abandoned_in_doubt_and_its_late_outcome_settles_it() -> None:
    call = Hanging(send)
    assert (call.state.status, line_of(call.job).state) == ("parked", "unknown")
    state = call.let_go()
    assert "late_outcome" in kinds(call.job)
    assert (state.status, state.output, world.times(call.word)) == ("completed", "late", 1)


def test_an_outcome_that_comes_while_the_timeout_is_being_written_settles_it_too(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    word, gate = a_word(), threading.Event()
    world.script(word, gate)
    tell = runner._tell

    def slowly(*args: Any) -> Any:
        gate.set()
        for thread in threading.enumerate():
            if thread.name == "tool send":
                thread.join(20)
        return tell(*args)

    monkeypatch.setattr(runner, "_tell", slowly)
    state = run_until_parked(started(one(send, word, timeout=0.05)))
    assert (state.status, state.output, world.times(word)) == ("completed", "late", 1)


def test_the_late_outcome_of_a_call_that_a_person_has_resolved_changes_nothing() -> None:
    call = Hanging(send)
    resolve(line_of(call.job).id, "landed", actor=person(), result="resolved")
    assert run_until_parked(call.job).output == "resolved"
    state = call.let_go()
    assert (state.output, kinds(call.job)[-1]) == ("resolved", "late_outcome")


@pytest.mark.parametrize("tool", [look, put])
def test_a_hanging_call_that_may_be_repeated_is_made_again(tool: Any) -> None:
    call = Hanging(tool)
    assert call.state.calls["call"].status == "backoff"
    call.gate.set()
    assert after(call.job, 11).output == {"word": call.word, "n": 2}


def test_time_that_a_step_is_parked_does_not_count_towards_its_timeout() -> None:
    graph, word = TaskGraph(), a_word()
    nap = graph.sleep("nap", 1000)
    graph.output(graph.tool("call", look, word=word, timeout=5, after=[nap]))
    job = started(graph)
    run_until_parked(job)
    assert after(job, 1001).status == "completed"
    assert clock.now() > Invocation.objects.get(job_id=job).promised_at


@tool(timeout=0.05)
async def slow_send(word: str, call: ToolCall) -> str:
    """Do something on the event loop, more slowly than it may, whatever one says."""
    world.did(word)
    try:
        await asyncio.sleep(0.2)
    except asyncio.CancelledError:
        world.did(f"{word} cancelled")
    return "late"


@flow
async def sends_slowly(ctx: Any, goal: dict[str, Any]) -> Any:
    """Call a slow tool."""
    return await ctx.tool(slow_send, word=goal["word"])


def test_the_late_outcome_of_an_async_call_is_written_off_the_event_loop() -> None:
    word = a_word()
    job = asked("sends_slowly", {"word": word})
    run_until_parked(job)
    until(lambda: "late_outcome" in kinds(job))
    assert run_until_parked(job).output == "late"
    assert "outcome_unknown" in kinds(job)
    assert world.times(word) == 1
