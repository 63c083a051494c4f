"""A message to an agent instance: parked at birth, called up once, and what it begins with; messages that a job sends."""

from __future__ import annotations

from typing import Any

import pytest

from jobs.core.commands import AdoptPlan, Call, Cancel, CreateJob, Pause, Resume, StartNode, TakeTurn, Unhold
from jobs.core.evolve import fold
from jobs.core.graph import TaskGraph
from jobs.core.ids import idempotency_key
from jobs.core.mailbox import begun_with, message_job, request_digest, sent_job
from jobs.core.parked import parked_on
from jobs.core.state import PLAN_STEP, JobState
from tests.pure.scenes import Scene, gathering
from tests.pure.story import ASKER, INSTANCE, JOB, START, WORKER

LATER = "2026-01-05T10:00:00.000000Z"
KEPT = {"heard": ["hello"]}


def message(state: Any = None, **told: Any) -> Scene:
    """A job that is a message to the instance; with a state it has its turn at birth."""
    scene = Scene(lambda options: options[0], {})
    instance = {"id": INSTANCE, "due": START, **told}
    scene.must(CreateJob(JOB, "desk", "1", {"word": "hi"}, ASKER, instance=instance, state=state))
    return scene


def called(scene: Scene, turn: int = 2, after: str | None = "job-1", instance: str = INSTANCE) -> list[str]:
    return [fact.type for fact in scene.must(TakeTurn(instance, turn, after, KEPT)).facts]


def test_a_message_whose_turn_it_is_begins_with_the_state_and_is_ready() -> None:
    scene = message(KEPT, turn=1, after=None)
    assert dict(scene.state.data.items()) == KEPT
    assert not scene.state.in_line
    scene.must(StartNode(PLAN_STEP, WORKER))
    seen = scene.state.nodes[PLAN_STEP].seen
    assert seen is not None
    assert dict(seen.items()) == KEPT


def test_a_message_that_must_wait_is_parked_on_the_instance_from_its_first_moment() -> None:
    scene = message()
    assert [fact.type for fact in scene.facts] == ["job_created", "job_parked"]
    assert (scene.state.status, scene.state.in_line) == ("parked", True)
    assert parked_on(scene.state) == [{"node": PLAN_STEP, "kind": "agent", "name": INSTANCE}]
    assert scene.refused(StartNode(PLAN_STEP, WORKER)) == "not_ready"


def test_a_delayed_message_names_its_time() -> None:
    (wait,) = parked_on(message(due=LATER).state)
    assert wait["deadline"] == LATER


def test_its_turn_brings_the_state_with_its_origin_and_makes_it_ready() -> None:
    scene = message()
    assert called(scene) == ["wait_completed"]
    assert dict(scene.state.data.items()) == KEPT
    told = scene.state.message
    assert told is not None
    assert (told.turn, told.after, scene.state.in_line) == (2, "job-1", False)
    assert scene.state.nodes[PLAN_STEP].status == "ready"
    assert fold(scene.facts, JobState(job=JOB)) == scene.state


def test_a_turn_is_taken_once_and_only_of_the_own_instance() -> None:
    scene = message()
    assert called(scene, instance="another") == []
    assert called(scene) == ["wait_completed"]
    assert called(scene, turn=3) == []
    plain = message(KEPT, turn=1, after=None)
    assert called(plain) == []


def test_nothing_but_its_turn_lets_it_go_on() -> None:
    scene = message()
    assert scene.refused(Unhold(PLAN_STEP)) == "not_its_turn"
    assert scene.state.in_line


def test_a_cancelled_message_leaves_the_line_and_takes_no_turn() -> None:
    scene = message()
    scene.must(Cancel(ASKER))
    assert (scene.state.status, scene.state.in_line) == ("cancelled", False)
    assert called(scene) == []


def test_a_paused_message_takes_its_turn_and_starts_when_it_is_resumed() -> None:
    scene = message()
    scene.must(Pause(ASKER))
    assert called(scene) == ["wait_completed"]
    assert scene.refused(StartNode(PLAN_STEP, WORKER)) == "job_paused"
    scene.must(Resume(ASKER))
    scene.must(StartNode(PLAN_STEP, WORKER))


@pytest.mark.parametrize("early", [True, False])
def test_the_state_that_a_job_began_with_can_be_read_off_its_events(early: bool) -> None:
    scene = message(KEPT, turn=1, after=None) if early else message()
    if not early:
        called(scene)
    assert begun_with(scene.facts) == KEPT
    assert begun_with(message().facts) == {}


def test_ids_of_messages_are_computed_and_hold_no_attempt() -> None:
    assert message_job(INSTANCE, "a") == message_job(INSTANCE, "a") != message_job(INSTANCE, "b")
    assert message_job(INSTANCE, "a") != message_job(JOB, "a")
    assert sent_job(JOB, "main/0") != sent_job(JOB, "main/1")
    assert request_digest({"x": 1}, None) != request_digest({"x": 1}, "1h")


def sending(path: str = "w/0", goal: Any = "hello") -> tuple[Scene, Call]:
    scene = gathering()
    asked = {"goal": goal, "not_before": {"in": 60.0}}
    spec = {**asked, "instance": INSTANCE, "agent": "desk", "version": "1"}
    return scene, Call("w", scene.state.nodes["w"].fence, path, "send", "desk", asked, spec=spec)


def test_a_message_that_a_job_sends_is_settled_at_once_under_an_id_of_its_path() -> None:
    scene, call = sending()
    (fact,) = scene.must(call).facts
    assert (fact.type, fact.body["command"]) == ("command_emitted", "send")
    assert fact.body["args"]["due"] == "2026-01-05T09:01:00.000000Z"
    asked = scene.state.calls["w/0"]
    assert (asked.status, asked.value) == ("done", sent_job(JOB, "w/0"))
    assert scene.state.nodes["w"].open == frozenset()


def test_a_message_is_not_sent_again_by_a_step_that_is_run_again_and_no_other_at_its_path() -> None:
    scene, call = sending()
    scene.must(call)
    assert scene.must(call).facts == ()
    _, other = sending(goal="something else")
    assert scene.refused(other) == "non_determinism"


def test_a_retry_would_send_the_same_message() -> None:
    assert sent_job("origin", "w/0") == sent_job("origin", "w/0")
    assert idempotency_key("origin", "w/0") != sent_job("origin", "w/0")


def test_a_plan_of_a_message_is_like_any_other() -> None:
    scene = message(KEPT, turn=1, after=None)
    fence = scene.must(StartNode(PLAN_STEP, WORKER)).facts[0].seq
    graph = TaskGraph()
    graph.sleep("rest", 1)
    scene.must(AdoptPlan(fence, graph.to_json()))
    assert scene.state.status == "parked"
