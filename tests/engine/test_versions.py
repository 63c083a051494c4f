"""Who may run what: exact versions and capabilities, held and woken (design: §6, §7)."""

from __future__ import annotations

from typing import Any

import pytest

from jobs import TaskGraph, agent, clock, runner, scheduler
from jobs.core.parked import parked_on
from jobs.incarnation import Incarnation, become
from jobs.models import Step, Worker
from jobs.registration import register
from jobs.store import load
from jobs.testing import in_this_process, run_until_parked
from ledger import all_tools
from tests.agents import world
from tests.agents.tools import add, draw
from tests.engine.driving import a_word, asked, started
from tests.factories import recorded_knocks

pytestmark = pytest.mark.usefixtures("alone")


def planner_adding(b: int) -> Any:
    def plan(goal: Any) -> TaskGraph:
        graph = TaskGraph()
        graph.output(graph.tool("sum", add, a=1, b=b))
        return graph

    return plan


agent("twofold", version="1")(planner_adding(10))
agent("twofold", version="2")(planner_adding(20))
agent("twofold", version="1.10", default=True)(planner_adding(30))


@pytest.fixture
def alone(fresh_database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A database without other workers, whose offers would count too."""
    monkeypatch.setattr(clock, "_shift", 0.0)
    monkeypatch.setattr(clock, "_offset", None)


def worker(*, offers: set[str], able: set[str] = frozenset()) -> Incarnation:  # type: ignore[assignment]
    """A registered worker that offers only these agents, and every tool; this process becomes it."""
    import json

    me, row = register("picky", slots=1, hand_off=False, ttl=1e7)
    offers = offers | {f"tool:{name}" for name in all_tools()}
    row.offers, row.capabilities = json.dumps(sorted(offers)), json.dumps(sorted(able))
    row.save()
    me.deadline, me.offers, me.capabilities = 1e12, frozenset(offers), frozenset(able)
    become(me)
    return me


@pytest.fixture(autouse=True)
def _no_worker_is_left() -> Any:
    yield
    become(None)


def sweep() -> None:
    """One tick, whoever else has just made one."""
    clock.shift(10)
    assert scheduler.tick()


def test_a_new_job_takes_the_default_version_and_a_pin_wins() -> None:
    with in_this_process():
        assert run_until_parked(asked("twofold")).output == 31
        assert run_until_parked(asked("twofold@2")).output == 21
        assert run_until_parked(asked("twofold@1")).output == 11


def test_a_job_whose_version_no_worker_offers_parks_and_goes_on_when_one_registers() -> None:
    with recorded_knocks():
        worker(offers={"twofold@1"})
        job = asked("twofold@2")
        runner.drive(job, "_plan")
        assert load(job).nodes["_plan"].attempt == 0, "a worker without the version does not claim it"
        sweep()
        state = load(job)
        assert state.status == "parked"
        assert parked_on(state) == [{"node": "_plan", "kind": "version", "name": "twofold@2"}]
        sweep()
        assert load(job).seq == state.seq, "nothing happens while nobody offers it"
        worker(offers={"twofold@2"})
        sweep()
        assert load(job).status == "pending"
    assert run_until_parked(job).output == 21


def test_a_step_that_needs_a_capability_waits_for_a_worker_that_has_it() -> None:
    word, graph = a_word(), TaskGraph()
    graph.output(graph.tool("draw", draw, word=word))
    with recorded_knocks() as heard:
        worker(offers={"drawn@1"})
        job = started(graph)
        runner.drive(job, "_plan")
        assert heard[-1] == ("aetheris.step", (job, "draw"), "aetheris.cap.gpu")
        assert Step.objects.get(job_id=job).requires == "gpu"
        runner.drive(job, "draw")
        assert world.times(word) == 0
        sweep()
        assert parked_on(load(job)) == [{"node": "draw", "kind": "capability", "name": "gpu"}]
        worker(offers={"drawn@1"}, able={"gpu"})
        sweep()
    assert run_until_parked(job).output == word


def test_nothing_is_held_while_no_worker_lives_at_all() -> None:
    with recorded_knocks():
        me = worker(offers={"twofold@1"})
        job = asked("twofold@2")
        Worker.objects.filter(id=me.id).update(dead=True)
        sweep()
        assert load(job).status == "pending"
