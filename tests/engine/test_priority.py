"""Priority: an urgent job overtakes those that were there before it; nobody waits for ever."""

from __future__ import annotations

from typing import Any

import pytest

from jobs import TaskGraph, runner, submit
from jobs.core.state import JobState
from jobs.incarnation import Incarnation
from jobs.models import Event
from jobs.store import load
from jobs.testing import in_this_process
from tests.agents.tools import add
from tests.factories import person, recorded_knocks


def some(count: int, priority: int) -> list[str]:
    graph = TaskGraph()
    graph.output(graph.tool("sum", add, a=1))
    goal: dict[str, Any] = {"graph": graph.to_json()}
    return [str(submit("drawn", goal, actor=person(), priority=priority)) for _ in range(count)]


def answer(heard: list[Any]) -> None:
    """Look where somebody knocked, in that order; what this leads to is heard too, and comes after."""
    for task, args, _ in heard:
        if task == "aetheris.step":
            runner.drive(*args)


def ended(jobs: list[str]) -> list[str]:
    """Those that have ended, in that order."""
    rows = Event.objects.filter(job_id__in=jobs, type="job_completed").order_by("id")
    return [str(job) for job in rows.values_list("job_id", flat=True)]


def test_an_urgent_job_overtakes_those_that_wait(here: Incarnation) -> None:
    with in_this_process(), recorded_knocks() as heard:
        background = some(5, -90)
        urgent = some(2, 90)
        answer(heard)
    order = ended([*background, *urgent])
    assert set(order) == {*background, *urgent}
    assert set(order[:2]) == set(urgent)


def test_a_knock_serves_its_own_step_however_many_urgent_ones_wait(here: Incarnation) -> None:
    with in_this_process(), recorded_knocks() as heard:
        (background,) = some(1, -90)
        knock = list(heard)[0]
        some(5, 90)
        runner.drive(*knock[1])
        assert load(background).plan is not None
        answer(heard)


def test_an_urgent_step_that_cannot_be_begun_keeps_nobody_from_its_turn(
    here: Incarnation, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    usual = runner.prepare

    def broken(me: Incarnation, state: JobState, name: str) -> Any:
        if state.priority > 0:
            raise KeyError("a fault of ours")
        return usual(me, state, name)

    with in_this_process(), recorded_knocks():
        (background,), (urgent,) = some(1, -90), some(1, 100)
        monkeypatch.setattr(runner, "prepare", broken)
        runner.drive(background, "_plan")
        monkeypatch.undo()
        runner.drive(urgent, "_plan")  # and nothing of it is lost
    assert load(background).plan is not None
    assert f"job {urgent}, step _plan, which is more urgent, could not be begun" in caplog.text
    assert load(urgent).status == "completed"
