"""Workflow steps: functions that return, fail, wait and are run again from the record (Laws L6, E1)."""

from __future__ import annotations

import pytest

from jobs.core.commands import (
    Answer,
    Call,
    Cancel,
    FailCall,
    FailNode,
    FinishNode,
    LateOutcome,
    Outcome,
    Pause,
)
from jobs.core.parked import parked_on
from tests.pure.scenes import DONE, FINAL, NOT_LANDED, RAISED, Scene, gathering, telling
from tests.pure.story import ASKER, PERSON

BIG = Outcome("unstorable", {"type": "object", "size": 9, "digest": "d", "reason": "too large"})


def test_a_workflow_that_returns_beside_an_open_call_settles_only_when_its_outcome_is_known() -> None:
    scene = gathering()
    scene.ask("w/0", "tool", "pay")
    fence = scene.state.nodes["w"].fence
    scene.must(FinishNode("w", fence, "early"))
    assert scene.state.status == "parked"
    assert scene.refused(telling(scene, "w/0", 1, fence, DONE)) == "fenced"
    scene.must(LateOutcome("w/0", 1, fence, DONE))
    scene.must(FinishNode("w", scene.claim("w"), "known"))
    assert scene.state.status == "completed"


@pytest.mark.parametrize("retryable", [True, False])
def test_a_workflow_that_fails_beside_an_open_call_settles_only_when_its_outcome_is_known(
    retryable: bool,
) -> None:
    scene = gathering()
    scene.ask("w/0", "tool", "pay")
    scene.must(FailNode("w", scene.state.nodes["w"].fence, {"code": "x"}, retryable=retryable))
    assert scene.state.status == "parked"
    scene.must(Answer("w/0", "landed", PERSON, result=1))
    scene.must(FailNode("w", scene.claim("w"), {"code": "x"}))
    assert scene.state.status == "failed"


def test_a_harmless_call_left_open_fails_the_workflow_that_did_not_await_it() -> None:
    scene = gathering()
    scene.ask("w/0", "tool", "read")
    scene.must(FinishNode("w", scene.state.nodes["w"].fence, 1))
    assert scene.state.failure is not None
    assert scene.state.failure["error"]["code"] == "calls_left_open"


@pytest.mark.parametrize("outcome", [BIG, RAISED])
def test_a_retry_of_a_workflow_never_repeats_a_call_that_may_have_happened(outcome: Outcome) -> None:
    scene = gathering()
    scene.ask("w/0", "tool", "pay")
    scene.tell("w/0", outcome)
    if outcome is RAISED:
        scene.must(Answer("w/0", "fail", PERSON))
    scene.must(FailNode("w", scene.state.nodes["w"].fence, {"code": "x"}, retryable=True, path="w/0"))
    assert scene.state.status == "failed"


def test_a_retry_of_a_workflow_attempts_only_the_failed_call_anew() -> None:
    scene = gathering()
    scene.ask("w/0", "tool", "read")
    scene.tell("w/0")
    scene.ask("w/1", "tool", "pay")
    scene.tell("w/1", FINAL)
    scene.must(FailNode("w", scene.state.nodes["w"].fence, {"code": "x"}, retryable=True, path="w/1"))
    scene.wait_until(scene.state.nodes["w"].wake_at)
    scene.claim("w")
    assert [scene.state.calls[path].status for path in ("w/0", "w/1")] == ["done", "again"]


def test_a_different_call_at_the_same_path_is_refused() -> None:
    scene = gathering()
    scene.ask("w/0", "tool", "read")
    fence = scene.state.nodes["w"].fence
    for name, args in (("pay", {"x": 1}), ("read", {"x": 2})):
        other = Call("w", fence, "w/0", "tool", name, args, scene.promise(name, "w/0"))
        assert scene.refused(other) == "non_determinism"
    foreign = Call("w", fence, "v/0", "tool", "read", {}, scene.promise("read", "v/0"))
    assert scene.refused(foreign) == "foreign_path"


def in_back_off() -> Scene:
    """A workflow with one call in back-off and one whose outcome is unknown."""
    scene = gathering()
    for path, outcome in (("w/0", NOT_LANDED), ("w/1", RAISED)):
        scene.ask(path, "tool", "pay")
        scene.tell(path, outcome)
    scene.release("w", "w/0", "w/1")
    assert scene.status("w") == "backoff"
    return scene


def test_an_answer_wakes_a_workflow_that_waits_for_a_retry() -> None:
    scene = in_back_off()
    scene.must(Answer("w/1", "landed", PERSON, result=1))
    assert scene.status("w") == "ready"


def test_in_a_cancelled_job_a_workflow_in_back_off_waits_only_for_its_unknown_outcome() -> None:
    scene = in_back_off()
    scene.must(Cancel(ASKER))
    assert scene.state.status == "parked"
    assert [wait["node"] for wait in parked_on(scene.state)] == ["w/1"]
    scene.must(Answer("w/1", "fail", PERSON))
    assert scene.state.status == "cancelled"


def test_a_call_that_cannot_be_made_fails_without_a_promise_unless_it_is_made_already() -> None:
    scene = gathering()
    fence = scene.state.nodes["w"].fence
    error = {"code": "key_conflict", "message": "the key was used with other arguments"}
    scene.must(FailCall("w", fence, "w/0", "tool", "pay", {"x": 1}, error))
    assert (scene.state.calls["w/0"].status, scene.state.calls["w/0"].error) == ("failed", error)
    scene.ask("w/1", "tool", "pay")
    assert scene.refused(FailCall("w", fence, "w/1", "tool", "pay", {"x": 1}, error)) == "not_ready"
    scene.tell("w/1", RAISED)
    assert scene.refused(FailCall("w", fence, "w/1", "tool", "pay", {"x": 1}, error)) == "not_ready"


def test_no_call_is_made_while_the_job_is_paused() -> None:
    scene = gathering()
    scene.must(Pause(ASKER))
    call = Call("w", scene.state.nodes["w"].fence, "w/0", "tool", "pay", {}, scene.promise("pay", "w/0"))
    assert scene.refused(call) == "job_paused"


def again() -> Scene:
    """A workflow whose call did not land, and is made a second time under the same claim."""
    scene = gathering()
    scene.ask("w/0", "tool", "pay")
    scene.tell("w/0", NOT_LANDED)
    scene.wait_until(scene.state.calls["w/0"].wake_at)
    scene.ask("w/0", "tool", "pay")
    return scene


def test_the_outcome_of_an_earlier_attempt_does_not_settle_a_later_one() -> None:
    scene = again()
    fence = scene.state.nodes["w"].fence
    assert scene.refused(telling(scene, "w/0", 1, fence, DONE)) == "fenced"
    scene.tell("w/0", RAISED)
    scene.must(LateOutcome("w/0", 1, fence, DONE))
    assert scene.state.calls["w/0"].status == "unknown"
    scene.must(LateOutcome("w/0", 2, fence, DONE))
    assert scene.state.calls["w/0"].status == "done"
