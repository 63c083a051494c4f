"""Many steps of one job: whoever ends one takes another, and nobody sends a message for each of them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from jobs import TaskGraph, clock, knocks, pause, runner, scheduler
from jobs.incarnation import Incarnation
from jobs.knocks import AT_ONCE, SWEPT
from jobs.models import Event, Step
from jobs.store import load
from ledger.models import Invocation
from tests.agents.tools import look
from tests.engine.driving import a_word, planned
from tests.factories import person, recorded_knocks
from tests.store.audit import check

Heard = list[tuple[str, tuple[str, ...], str]]
MANY = AT_ONCE + 40


@pytest.fixture
def heard(here: Incarnation) -> Iterator[Heard]:
    """The knocks that would have been sent."""
    with recorded_knocks() as written:
        yield written


@pytest.fixture
def hurried(settings: Any) -> None:
    """A thread does one step of a job and leaves off."""
    settings.AETHERIS = {**settings.AETHERIS, "SLICE": 1e-9}


def branches(count: int, **more: Any) -> TaskGraph:
    graph, word = TaskGraph(), a_word()
    for place in range(count):
        graph.tool(f"b{place:03}", look, word=word, **more)
    return graph


def steps(heard: Heard, job: str) -> list[str]:
    return [args[1] for task, args, _ in heard if task == "aetheris.step" and args[0] == job]


def done(job: str) -> int:
    return sum(node.status == "done" and node.id != "_plan" for node in load(job).nodes.values())


def test_who_has_ended_a_branch_goes_on_with_the_next_in_the_same_commit(heard: Heard) -> None:
    job = planned(branches(5))
    before = load(job).seq
    runner.drive(job, "b003")
    assert load(job).status == "completed"
    commits = Event.objects.filter(job_id=job, seq__gt=before).values_list("at", flat=True)
    assert len(set(commits)) == 6, "a claim, and five outcomes, four of them with the next claim"
    check(job)


def test_no_branch_is_called_twice_by_knocks_that_come_too_late(heard: Heard) -> None:
    job = planned(branches(4))
    for name in steps(heard, job) * 2:
        runner.drive(job, name)
    assert Invocation.objects.filter(job_id=job, attempt=1, state="landed").count() == 4
    assert Invocation.objects.filter(job_id=job).count() == 4
    check(job)


def test_a_plan_of_very_many_steps_sends_so_many_knocks(heard: Heard) -> None:
    job = planned(branches(MANY))
    told = [name for name in steps(heard, job) if name != "_plan"]
    assert len(told) == len(set(told)) == AT_ONCE


def test_steps_that_ask_for_something_else_are_counted_for_themselves(heard: Heard) -> None:
    knocks.send(
        knocks.few([("job", f"{asks}{i}", (asks,)) for i in range(MANY) for asks in ("gpu", "eu")], AT_ONCE)
    )
    for asks in ("gpu", "eu"):
        assert sum(args[1].startswith(asks) for _, args, _ in heard) == AT_ONCE


def test_a_knock_for_a_step_that_somebody_has_taken_takes_another(heard: Heard, hurried: None) -> None:
    job = planned(branches(3))
    for _ in range(3):
        runner.drive(job, "b000")
    assert load(job).status == "completed"
    check(job)


def test_a_knock_takes_nothing_in_its_place_while_the_job_is_paused(heard: Heard, hurried: None) -> None:
    job = planned(branches(3))
    runner.drive(job, "b000")
    pause(job, actor=person())
    runner.drive(job, "b000")
    assert done(job) == 1


def test_whoever_comes_passes_the_knock_on_while_there_are_very_many(heard: Heard, hurried: None) -> None:
    job = planned(branches(MANY))
    heard.clear()
    runner.drive(job, "b000")
    (another,) = steps(heard, job)
    assert load(job).nodes[another].status == "ready"


def test_and_leaves_it_to_their_own_knocks_while_there_are_few(heard: Heard, hurried: None) -> None:
    job = planned(branches(5))
    heard.clear()
    runner.drive(job, "b000")
    assert steps(heard, job) == []


def test_the_knocks_that_were_sent_are_enough_for_all(heard: Heard, hurried: None) -> None:
    """Each takes one step and passes the knock on, so none of very many is left over."""
    job = planned(branches(MANY))
    waiting = [name for name in steps(heard, job) if name != "_plan"]
    heard.clear()
    turns = 0
    while waiting:
        turns += 1
        runner.drive(job, waiting.pop(0))
        waiting += steps(heard, job)
        heard.clear()
    assert load(job).status == "completed"
    assert turns <= MANY + AT_ONCE
    check(job)


def test_the_sweep_knocks_for_so_many_of_a_job_at_a_time(heard: Heard) -> None:
    job = planned(branches(MANY))
    heard.clear()
    clock.shift(10)
    now = clock.database_now()
    Step.objects.exclude(job_id=job).update(knock_at=now + timedelta(hours=1))  # of other tests
    scheduler.fire_due(now)
    assert len(steps(heard, job)) == SWEPT
    due = Step.objects.filter(job_id=job, knock_at__lte=now + timedelta(seconds=1))
    assert not due.exists(), "the others wait for those, or for the next look"
