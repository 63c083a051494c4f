"""Who has planned a job begins its first step; whatever is not begun is knocked for, and once."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.db import OperationalError, connection
from django.test.utils import CaptureQueriesContext

from jobs import TaskGraph, beginning, cancel, endings, pause, planning, preparing, runner, store
from jobs.core.errors import Refused
from jobs.incarnation import Incarnation
from jobs.store import load
from jobs.store.reading import forget_all
from tests.agents import world
from tests.agents.tools import look, pay
from tests.engine.driving import a_word, asked, flow, started
from tests.factories import person, recorded_knocks
from tests.store.audit import check

Heard = list[tuple[str, tuple[str, ...], str]]


@pytest.fixture
def heard(here: Incarnation) -> Iterator[Heard]:
    """The knocks that would have been sent."""
    with recorded_knocks() as written:
        yield written


def two_arms(word: str) -> TaskGraph:
    graph = TaskGraph()
    first = graph.tool("first", look, word=word)
    graph.tool("last", look, word=word, after=[first])
    graph.tool("other", look, word=word)
    return graph


def steps(heard: Heard, job: str) -> list[str]:
    return [args[1] for task, args, _ in heard if task == "aetheris.step" and args[0] == job]


def test_one_message_takes_a_job_from_its_birth_to_its_end(heard: Heard) -> None:
    graph, word = TaskGraph(), a_word()
    first = graph.tool("first", look, word=word)
    graph.tool("last", look, word=word, after=[first])
    job = started(graph)
    runner.drive(job, "_plan")
    assert load(job).status == "completed"
    assert steps(heard, job) == ["_plan"]
    assert len(heard) == 1, "it owes nobody anything"
    check(job)


def test_the_plan_and_the_promise_of_the_first_call_are_one_commit(heard: Heard) -> None:
    job = started(two_arms(a_word()))
    commits: list[list[str]] = []
    usual = store.commit

    def noted(*asked: Any, **more: Any) -> Any:
        done = usual(*asked, **more)
        commits.append([fact.type for fact in done.facts])
        return done

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("jobs.store.commit", noted)
        runner.drive(job, "_plan")
    (first,) = [each for each in commits if "plan_generated" in each]
    assert first[-3:] == ["node_started", "command_emitted", "tool_invocation_started"]


def test_the_job_of_a_workflow_likewise(heard: Heard) -> None:
    job = asked("looks_first", {"word": a_word()})
    runner.drive(job, "_plan")
    assert load(job).status == "completed"
    assert steps(heard, job) == ["_plan"]


@flow
def looks_first(ctx: Any, goal: dict[str, Any]) -> Any:
    """One call."""
    return ctx.tool(look, word=goal["word"])


def test_the_other_ready_steps_are_knocked_for(heard: Heard) -> None:
    job = started(two_arms(a_word()))
    runner.drive(job, "_plan")
    assert steps(heard, job) == ["_plan", "other"]
    assert load(job).nodes["last"].status == "done"


def test_a_more_urgent_step_comes_first(heard: Heard) -> None:
    word = a_word()
    job = started(two_arms(word), priority=-5)
    urgent = started(two_arms(a_word()), priority=5)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("jobs.admission.more_urgent", lambda *_: [])  # the knock itself serves its own step
        runner.drive(job, "_plan")
    assert world.times(word) == 0
    assert sorted(steps(heard, job)) == ["_plan", "first", "other"]
    cancel(urgent, actor=person())


def test_a_worker_that_drains_begins_nothing(heard: Heard) -> None:
    word = a_word()
    job = started(two_arms(word))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Incarnation, "makes_room", lambda _: True)
        runner.drive(job, "_plan")
    assert world.times(word) == 0
    assert sorted(steps(heard, job)) == ["_plan", "first", "other"]


@pytest.mark.parametrize(("asked_of", "says"), [("makes_room", True), ("lease_ok", False)])
def test_a_worker_that_must_not_go_on_when_it_has_planned_begins_nothing(
    heard: Heard, monkeypatch: pytest.MonkeyPatch, asked_of: str, says: bool
) -> None:
    """It drains, or loses its lease, while its function plans."""
    word = a_word()
    job = started(two_arms(word))
    usual = planning.checked_plan

    def planned(result: Any) -> Any:
        monkeypatch.setattr(Incarnation, asked_of, lambda _: says)
        return usual(result)

    monkeypatch.setattr(endings, "checked_plan", planned)
    runner.drive(job, "_plan")
    assert load(job).nodes["_plan"].status == "done"
    assert load(job).nodes["first"].attempt == 0
    assert world.times(word) == 0
    assert sorted(steps(heard, job)) == ["_plan", "first", "other"]


def test_the_events_of_a_job_are_read_once_by_the_process_that_runs_it(heard: Heard) -> None:
    job = started(two_arms(a_word()))
    forget_all()
    with CaptureQueriesContext(connection) as seen:
        runner.drive(job, "_plan")
    reads = [
        each["sql"]
        for each in seen
        if each["sql"].startswith("SELECT") and '"aetheris_jobs_event"' in each["sql"]
    ]
    assert len(reads) == 1, reads


@pytest.mark.parametrize("stopped", [cancel, pause])
def test_nothing_is_begun_in_a_job_that_was_stopped_in_between(
    heard: Heard, monkeypatch: pytest.MonkeyPatch, stopped: Any
) -> None:
    """Somebody stops the job after the first step was chosen, and before it is written with the plan."""
    word = a_word()
    job = started(two_arms(word))
    usual = preparing.first_of_plan

    def rival(*asked: Any) -> Any:
        chosen = usual(*asked)
        stopped(job, actor=person())
        return chosen

    monkeypatch.setattr(beginning, "first_of_plan", rival)
    runner.drive(job, "_plan")
    assert load(job).status == ("cancelled" if stopped is cancel else "paused")
    assert (load(job).plan is not None) == (stopped is pause)
    assert world.times(word) == 0
    check(job)


@pytest.mark.parametrize(
    "error", [Refused("not now"), OperationalError("the connection is lost"), KeyError("a fault")]
)
@pytest.mark.parametrize("where", ["more_urgent", "first_of_plan"])
def test_a_fault_on_the_way_keeps_no_plan_from_being_written(
    heard: Heard, monkeypatch: pytest.MonkeyPatch, where: str, error: Exception
) -> None:
    job = started(two_arms(a_word()))

    def broken(*_: Any) -> Any:
        raise error

    monkeypatch.setattr(beginning, where, broken)
    runner.drive(job, "_plan")
    assert sorted(steps(heard, job)) == ["_plan", "first", "other"]
    assert load(job).nodes["_plan"].status == "done"


def test_a_business_key_that_is_taken_keeps_no_plan_from_being_written(heard: Heard) -> None:
    word = a_word()
    first = started(paid(word, 5))
    runner.drive(first, "_plan")
    other = started(paid(word, 6))
    runner.drive(other, "_plan")
    assert load(other).nodes["_plan"].status == "done"
    assert steps(heard, other) == ["_plan", "pay"], "whoever comes for it says what it means"
    runner.drive(other, "pay")
    failure = load(other).failure
    assert failure is not None
    assert failure["error"]["code"] == "key_conflict"
    assert world.times(word) == 1
    check(other)


def paid(word: str, cents: int) -> TaskGraph:
    graph = TaskGraph()
    graph.tool("pay", pay, word=word, cents=cents)
    return graph
