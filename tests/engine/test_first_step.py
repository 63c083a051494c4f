"""Who has planned a job begins its first step; whatever is not begun is knocked for, and once."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from jobs import TaskGraph, admission, beginning, cancel, runner
from jobs.core.errors import Refused
from jobs.incarnation import Incarnation
from jobs.store import load
from tests.agents import world
from tests.agents.tools import look
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


def test_a_step_that_was_cancelled_in_between_is_not_begun(
    heard: Heard, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The job ends after the plan was written and before the claim."""
    word = a_word()
    job = started(two_arms(word))
    usual = admission.more_urgent

    def rival(*asked: Any) -> Any:
        cancel(job, actor=person())
        return usual(*asked)

    monkeypatch.setattr(beginning, "more_urgent", rival)
    runner.drive(job, "_plan")
    assert load(job).status == "cancelled"
    assert world.times(word) == 0


def test_a_fault_on_the_way_is_made_up_for_by_a_knock(heard: Heard, monkeypatch: pytest.MonkeyPatch) -> None:
    job = started(two_arms(a_word()))

    def broken(*_: Any) -> Any:
        raise Refused("not now")

    monkeypatch.setattr(beginning, "more_urgent", broken)
    runner.drive(job, "_plan")
    assert sorted(steps(heard, job)) == ["_plan", "first", "other"]
    assert load(job).nodes["_plan"].status == "done"
