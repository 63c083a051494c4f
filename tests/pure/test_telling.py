"""Telling: what becomes of a call whose end is said, unsure, late, or not said at all (Laws E1-E6, L4, L6)."""

from __future__ import annotations

import pytest

from jobs.core.commands import (
    Answer,
    Call,
    Cancel,
    Due,
    LateOutcome,
    LoseLease,
    Outcome,
    Recall,
    StartNode,
    Unhold,
)
from jobs.core.graph import TaskGraph
from jobs.core.parked import parked_on
from tests.pure.scenes import DONE, FINAL, NOT_LANDED, RAISED, Scene, begun, telling
from tests.pure.story import ASKER, PERSON, RETRY, WORKER

BIG = Outcome("unstorable", {"type": "object", "size": 9, "digest": "d", "reason": "too large"})


def one(tool: str) -> Scene:
    g = TaskGraph()
    g.output(g.tool("call", tool))
    return begun(g)


def statuses_told(scene: Scene) -> list[str]:
    return [fact.body["status"] for fact in scene.facts if fact.type == "tool_invocation_finished"]


def test_a_tool_step_is_two_commits() -> None:
    scene = one("pay")
    scene.claim("call")
    assert [fact.type for fact in scene.told[-1].facts] == [
        "node_started", "command_emitted", "tool_invocation_started",
    ]  # fmt: skip
    scene.tell("call")
    assert [fact.type for fact in scene.told[-1].facts] == [
        "tool_invocation_finished", "command_committed", "reasoning_snapshot", "node_finished", "job_completed",
    ]  # fmt: skip


@pytest.mark.parametrize("tool", ["pay", "ask", "read"])
def test_what_certainly_did_not_land_is_tried_again_at_its_time(tool: str) -> None:
    scene = one(tool)
    scene.work("call", NOT_LANDED)
    assert scene.status("call") == "backoff"
    assert scene.refused(StartNode("call", WORKER, scene.promise(tool, "call"))) == "not_ready"
    scene.wait_until(scene.state.nodes["call"].wake_at)
    scene.work("call", NOT_LANDED)
    assert scene.state.status == "failed"


def test_an_unexpected_exception_of_an_at_most_once_tool_leaves_its_outcome_unknown() -> None:
    scene = one("pay")
    scene.work("call", RAISED)
    assert scene.state.status == "parked"
    assert parked_on(scene.state)[0]["kind"] == "unknown_outcome"


@pytest.mark.parametrize(("tool", "status"), [("ask", "no_answer"), ("read", "failed")])
def test_an_unexpected_exception_of_a_harmless_call_is_tried_again(tool: str, status: str) -> None:
    scene = one(tool)
    scene.work("call", RAISED)
    assert (scene.status("call"), statuses_told(scene)) == ("backoff", [status])


@pytest.mark.parametrize(
    ("verdict", "step", "job"),
    [("landed", "done", "completed"), ("absent", "ready", "running"), ("fail", "failed", "failed")],
)
def test_a_person_settles_an_unknown_outcome(verdict: str, step: str, job: str) -> None:
    scene = one("pay")
    scene.work("call", RAISED)
    scene.must(Answer("call", verdict, PERSON, {"statement": "p. 3"}, {"n": 1}))
    assert (scene.status("call"), scene.state.status) == (step, job)
    assert scene.refused(Answer("call", "landed", PERSON)) == "not_unresolved"


def test_a_result_that_cannot_be_stored_has_landed_and_is_not_called_again() -> None:
    scene = one("pay")
    scene.work("call", BIG)
    assert statuses_told(scene) == ["landed"]
    assert scene.state.failure is not None
    assert scene.state.failure["error"]["code"] == "result_unstorable"


def test_a_call_that_was_not_sent_is_handed_back_and_taken_by_another() -> None:
    scene = one("pay")
    scene.work("call", Outcome("not_sent"))
    assert scene.status("call") == "ready"
    scene.work("call")
    assert scene.state.status == "completed"


def test_a_worker_whose_claim_was_lost_writes_nothing() -> None:
    scene = one("ask")
    first = scene.claim("call")
    scene.must(LoseLease("call", first, "worker_dead", known_dead=True))
    second = scene.claim("call")
    assert second > first
    assert scene.refused(telling(scene, "call", 1, first, DONE)) == "fenced"
    assert scene.refused(LoseLease("call", first, "worker_dead", known_dead=True)) == "fenced"
    assert scene.status("call") == "running"


def test_the_call_of_a_dead_worker_is_probed_before_it_is_made_again() -> None:
    scene = one("wire")
    scene.must(LoseLease("call", scene.claim("call"), "worker_dead", known_dead=True))
    assert scene.refused(StartNode("call", WORKER, scene.promise("wire", "call"))) == "not_ready"
    scene.must(StartNode("call", WORKER))
    fence = scene.state.nodes["call"].fence
    assert scene.facts[-1].body["reason"] == "probe"
    scene.must(Answer("call", "absent", PERSON, fence=fence))
    scene.must(Call("call", fence, "call", "tool", "wire", {}, scene.promise("wire", "call")))
    scene.tell("call")
    assert scene.state.status == "completed"


def test_a_probe_of_a_worker_that_may_still_live_waits_for_the_deadline_of_the_call() -> None:
    scene = one("wire")
    scene.must(LoseLease("call", scene.claim("call"), "silent", known_dead=False))
    assert scene.state.status == "parked"
    assert scene.refused(StartNode("call", WORKER)) == "not_ready"
    scene.wait_until(scene.state.nodes["call"].wake_at)
    scene.must(StartNode("call", WORKER))


def test_a_probe_that_knows_nothing_is_asked_again_and_an_absence_that_proves_nothing_goes_to_a_person() -> (
    None
):
    scene = one("wire")
    scene.work("call", RAISED)
    fence = scene.state.nodes["call"].fence
    scene.must(Answer("call", "unknown", PERSON, fence=fence))
    assert scene.state.nodes["call"].wake_at is not None
    scene.wait_until(scene.state.nodes["call"].wake_at)
    scene.must(StartNode("call", WORKER))
    fence = scene.state.nodes["call"].fence
    scene.must(Answer("call", "absent", PERSON, fence=fence, accepted=False))
    assert scene.state.status == "parked"
    assert scene.state.calls["call"].wake_at is None


def test_a_person_who_knows_first_takes_the_step_from_the_prober() -> None:
    scene = one("wire")
    scene.work("call", RAISED)
    prober = scene.state.nodes["call"].fence
    scene.must(Answer("call", "absent", PERSON))
    assert scene.status("call") == "ready"
    assert scene.refused(Answer("call", "landed", PERSON, fence=prober)) == "fenced"


def test_a_late_outcome_is_kept_and_closes_a_promise_that_is_still_unknown() -> None:
    scene = one("pay")
    fence = scene.claim("call")
    scene.must(LoseLease("call", fence, "silent", known_dead=False))
    scene.must(LateOutcome("call", 1, fence, DONE))
    assert scene.state.status == "completed"
    scene.must(LateOutcome("call", 1, fence, DONE))
    assert (scene.facts[-1].type, scene.state.status) == ("late_outcome", "completed")


def test_a_call_that_was_refused_late_was_never_sent_and_is_made_by_the_next_worker() -> None:
    scene = one("pay")
    fence = scene.claim("call")
    scene.must(LoseLease("call", fence, "silent", known_dead=False))
    scene.must(LateOutcome("call", 1, fence, Outcome("not_sent")))
    assert scene.status("call") == "ready"
    scene.work("call")
    assert scene.state.status == "completed"


def test_a_late_outcome_of_an_earlier_attempt_changes_nothing() -> None:
    scene = one("ask")
    first = scene.claim("call")
    scene.must(LoseLease("call", first, "silent", known_dead=False))
    scene.claim("call")
    before = scene.state
    scene.must(LateOutcome("call", 1, first, DONE))
    assert scene.state.but(seq=before.seq) == before


def test_a_silent_worker_is_given_up_after_the_deadline_of_its_call() -> None:
    scene = one("pay")
    scene.claim("call")
    scene.must(Due("call"))
    assert scene.status("call") == "running"
    scene.wait_until(scene.state.nodes["call"].wake_at)
    scene.must(Due("call"))
    assert scene.state.status == "parked"


def test_a_job_that_fails_waits_for_every_promise() -> None:
    g = TaskGraph()
    for name in ("bad", "good", "later"):
        g.tool(name, "pay")
    scene = begun(g)
    scene.claim("good")
    scene.work("bad", FINAL)
    assert (scene.state.phase, scene.state.status) == ("failing", "running")
    assert scene.refused(StartNode("later", WORKER, scene.promise("pay", "later"))) == "job_ending"
    scene.tell("good", RAISED)
    assert scene.state.status == "parked"
    scene.must(Cancel(ASKER))
    scene.must(Answer("good", "absent", PERSON))
    assert scene.state.status == "cancelled"


def test_a_recalled_result_is_taken_without_a_call_and_an_unknown_one_is_never_overwritten() -> None:
    scene = one("pay")
    recall = Recall("call", WORKER, "call", 0, scene.promise("pay", "call"), {"n": 7}, {"job": "j2"})
    scene.must(recall)
    assert (scene.state.status, scene.state.output, statuses_told(scene)) == (
        "completed",
        {"n": 7},
        ["recalled"],
    )
    doubtful = one("pay")
    doubtful.work("call", RAISED)
    assert doubtful.refused(recall) == "not_ready"


def test_an_item_that_is_unknown_when_its_map_fails_is_settled_by_its_answer() -> None:
    for verdict, status in (("landed", "done"), ("absent", "skipped"), ("fail", "failed")):
        g = TaskGraph()
        g.map("each", "pay", over=[1, 2], each={"x": g.item}, on_error="continue")
        scene = begun(g)
        scene.work("each/0", RAISED)
        scene.work("each/1", FINAL)
        assert (scene.status("each"), scene.state.status) == ("failed", "parked")
        scene.must(Answer("each/0", verdict, PERSON, result=1))
        assert (scene.status("each/0"), scene.state.status) == (status, "completed")


def test_the_retry_of_a_step_follows_its_policy() -> None:
    scene = one("pay")
    scene.work("call", Outcome("not_landed", retry_after=99.0))
    asked = scene.state.calls["call"]
    assert asked.wake_at is not None
    assert asked.info["retry"] == RETRY
    assert asked.wake_at[14:19] == "01:39"


def test_what_was_held_goes_on_when_it_can() -> None:
    scene = one("pay")
    assert scene.send(Unhold("call")).facts == ()
