"""A knock that reaches a worker which cannot serve it goes on at once, to one that can, and does not wander for ever."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from jobs import TaskGraph, admission, clock, runner, scheduler, store
from jobs.admission import HOPS
from jobs.celery_defaults import is_own, own_queue
from jobs.core.commands import LoseLease, StartNode
from jobs.core.parked import parked_on
from jobs.core.state import SUSPECT
from jobs.incarnation import Incarnation, become
from jobs.models import Worker
from jobs.queries.stuck import stuck
from jobs.registration import register
from jobs.store import load
from jobs.testing import run_until_parked
from jobs.worker import make_room
from ledger import all_tools, tool
from tests.agents import world
from tests.agents.tools import draw, look
from tests.engine.driving import a_word, asked, planned
from tests.factories import recorded_knocks

Heard = list[tuple[str, tuple[str, ...], str]]
ALL = frozenset(["drawn@1", "twofold@1", "adder@1"])


@pytest.fixture
def heard(fresh_database: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Heard]:
    """Knocks, instead of a broker, on a database of this test's own."""
    monkeypatch.setattr(clock, "_shift", 0.0)
    monkeypatch.setattr(clock, "_offset", None)
    with recorded_knocks() as knocked:
        yield knocked
    become(None)


@tool(name="crew.paint", effect="pure", requires=["gpu", "browser"])
def paint(word: str) -> str:
    """Needs two capabilities."""
    world.did(word)
    return word


def worker(
    name: str, *, offers: frozenset[str] = ALL, able: tuple[str, ...] = (), without: tuple[str, ...] = ()
) -> Incarnation:
    """A registered worker; it lacks some tools if told so."""
    me, row = register(name, slots=1, hand_off=False, ttl=1e7)
    tools = {f"tool:{each}" for each in all_tools() if each not in without}
    row.offers, row.capabilities = json.dumps(sorted(offers | tools)), json.dumps(sorted(able))
    row.save()
    me.deadline, me.offers, me.capabilities = 1e12, offers | tools, frozenset(able)
    return me


def one(made: Any, word: str) -> TaskGraph:
    graph = TaskGraph()
    graph.output(graph.tool("call", made, word=word))
    return graph


def on(heard: Heard) -> list[tuple[str, ...]]:
    """Of each knock that was handed on: queue, step, hops."""
    return [(queue, *args[1:]) for _, args, queue in heard if is_own(queue)]


def sweep() -> None:
    clock.shift(10)
    assert scheduler.tick()


def test_a_knock_for_another_version_goes_to_a_worker_that_has_it(heard: Heard) -> None:
    worker("right@host")
    worker("also-wrong@host", offers=frozenset(["other@1"]))
    job = asked("adder", {"a": 1, "b": 2})
    become(worker("wrong@host", offers=frozenset(["other@1"])))
    runner.drive(job, "_plan")
    assert on(heard) == [(own_queue("right@host"), "_plan", "1")]
    assert load(job).nodes["_plan"].attempt == 0


def test_a_knock_for_two_capabilities_goes_on_from_a_worker_that_has_one_of_them(heard: Heard) -> None:
    become(worker("planner@host"))
    job = planned(one(paint, word := a_word()))
    one_of_them = heard[-1][2].removeprefix("aetheris.cap.")
    assert one_of_them in ("gpu", "browser")
    worker("both@host", able=("gpu", "browser", "disk"))
    become(worker("one@host", able=(one_of_them,)))
    runner.drive(job, "call")
    assert on(heard) == [(own_queue("both@host"), "call", "1")]
    assert world.times(word) == 0


def test_a_knock_for_a_tool_goes_to_a_worker_that_has_registered_it(
    heard: Heard, monkeypatch: pytest.MonkeyPatch
) -> None:
    become(worker("planner@host"))
    job = planned(one(look, a_word()))
    worker("lacks-it-too@host", without=("look",))
    me = worker("lacks-it@host", without=("look",))
    become(me)
    monkeypatch.setattr("jobs.runner.can_run", lambda *_: False)  # as where it is not registered
    runner.drive(job, "call")
    assert on(heard) == [(own_queue("planner@host"), "call", "1")]


def test_no_knock_wanders_for_ever_and_none_comes_back_to_its_own_host(heard: Heard) -> None:
    job = asked("adder", {"a": 1, "b": 2})
    worker("prefork@host/child-1")
    become(worker("prefork@host/child-2", offers=frozenset(["other@1"])))
    runner.drive(job, "_plan")
    assert on(heard) == [], "the children of one worker share their queue"
    worker("right@host")
    for hops in range(HOPS + 2):
        runner.drive(job, "_plan", hops=hops)
    assert [hop for _, _, hop in on(heard)] == [str(hops + 1) for hops in range(HOPS)]


def test_a_knock_for_nothing_is_not_handed_on(heard: Heard) -> None:
    worker("right@host")
    become(worker("planner@host"))
    job = asked("adder", {"a": 1, "b": 2})
    state = run_until_parked(job)
    assert state.status == "completed"
    become(worker("wrong@host", offers=frozenset(["other@1"])))
    heard.clear()
    runner.drive(job, "_plan")
    runner.drive(job, "nothing")
    assert heard == []


def test_dead_and_draining_workers_get_no_knock(heard: Heard) -> None:
    job = asked("adder", {"a": 1, "b": 2})
    Worker.objects.filter(id=worker("dead@host").id).update(dead=True)
    Worker.objects.filter(id=worker("leaving@host").id).update(draining=True)
    become(worker("wrong@host", offers=frozenset(["other@1"])))
    runner.drive(job, "_plan")
    assert on(heard) == []


def test_a_draining_worker_hands_its_knocks_to_a_living_one_at_once(heard: Heard) -> None:
    job = asked("adder", {"a": 1, "b": 2})
    worker("right@host")
    me = worker("leaving@host")
    me.draining = True
    become(me)
    runner.drive(job, "_plan")
    assert on(heard) == [(own_queue("right@host"), "_plan", "1")]
    assert me.turned_away == set()


def test_a_step_whose_tool_no_living_worker_has_parks_and_names_it_until_one_registers(heard: Heard) -> None:
    word = a_word()
    first = worker("planner@host")
    become(first)
    job = planned(one(look, word))
    Worker.objects.filter(id=first.id).update(dead=True)
    become(worker("lacks-it@host", without=("look",)))
    sweep()
    state = load(job)
    assert parked_on(state) == [{"node": "call", "kind": "capability", "name": "tool:look"}]
    told = [each["why"] for each in stuck("default") if each["job"] == job]
    assert told == ["no living worker offers the tool look"]
    sweep()
    assert load(job).seq == state.seq, "nothing happens while nobody has it"
    become(worker("has-it@host"))
    sweep()
    assert run_until_parked(job).status == "completed"
    assert world.times(word) == 1


def test_what_no_single_worker_can_do_parks_and_names_both(heard: Heard) -> None:
    first = worker("planner@host", able=("gpu",))
    become(first)
    job = planned(one(draw, a_word()))
    Worker.objects.filter(id=first.id).update(dead=True)
    worker("has-the-tool@host")
    worker("has-the-gpu@host", able=("gpu",), without=("draw",))
    sweep()
    assert parked_on(load(job)) == [{"node": "call", "kind": "capability", "name": "gpu,tool:draw"}]


def suspected(job: str, me: Incarnation) -> None:
    """The planning of a job, charged so often that it runs alone."""
    for _ in range(SUSPECT):
        fence = store.commit(job, StartNode("_plan", me.id), worker=me.id).state.nodes["_plan"].fence
        store.commit(job, LoseLease("_plan", fence, "worker_dead", known_dead=True))


def test_a_suspect_goes_to_an_idle_worker_rather_than_stop_a_busy_one(heard: Heard) -> None:
    me = worker("busy@host")
    idle, third = worker("idle@host"), worker("busy-too@host")
    become(me)
    job, others = asked("adder", {"a": 1, "b": 2}), asked("adder", {"a": 1, "b": 2})
    suspected(job, me)
    store.commit(others, StartNode("_plan", third.id), worker=third.id)
    assert me.room.enter((job, "something"))
    heard.clear()
    runner.drive(job, "_plan")
    assert on(heard) == [(own_queue("idle@host"), "_plan", "1")]
    assert me.room.wanted is None
    become(idle)
    runner.drive(job, "_plan", hops=1)
    assert load(job).nodes["_plan"].alone
    assert load(job).plan is not None


def test_where_all_are_busy_a_worker_makes_room_and_the_last_one_to_leave_calls_the_suspect(
    heard: Heard,
) -> None:
    me = worker("only@host")
    become(me)
    job, late = asked("adder", {"a": 1, "b": 2}), asked("adder", {"a": 1, "b": 2})
    suspected(job, me)
    assert me.room.enter((job, "something"))
    heard.clear()
    runner.drive(job, "_plan")
    assert (me.room.wanted, me.makes_room(), on(heard)) == ((job, "_plan"), True, [])
    runner.drive(late, "_plan")
    assert load(late).nodes["_plan"].attempt == 0, "nothing else begins"
    admission.left(me)
    assert on(heard) == [(own_queue("only@host"), "_plan")]
    heard.clear()
    runner.drive(job, "_plan")
    assert load(job).plan is not None
    assert (own_queue("only@host"), "_plan") in on(heard), "whoever was turned away is called"
    runner.drive(late, "_plan")
    assert load(late).plan is not None


def test_a_busy_worker_stops_waiting_for_a_suspect_that_another_has_taken(heard: Heard) -> None:
    me, other = worker("busy@host"), worker("other@host")
    become(me)
    job = asked("adder", {"a": 1, "b": 2})
    suspected(job, me)
    assert me.room.enter((job, "something"))
    busy = asked("adder", {"a": 1, "b": 2})
    store.commit(busy, StartNode("_plan", other.id), worker=other.id)
    runner.drive(job, "_plan")
    assert me.room.wanted == (job, "_plan")
    make_room(me)
    assert me.room.wanted == (job, "_plan")
    store.commit(job, StartNode("_plan", other.id, alone=True), worker=other.id)
    make_room(me)
    assert me.room.wanted is None
