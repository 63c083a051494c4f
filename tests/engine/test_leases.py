"""A worker's own life in the database: lease, death, drain; and what it keeps in mind of near wake times."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pytest

from jobs import TaskGraph, alarms, beginning, clock, runner, scheduler, signal, store
from jobs.core.errors import Fenced
from jobs.incarnation import Incarnation, become, registered
from jobs.models import Step, Worker
from jobs.store import load
from jobs.testing import run_until_parked
from jobs.worker import Control
from tests.agents import world
from tests.agents.tools import look, send
from tests.brokers.workers import until
from tests.engine.driving import a_word, beside, flow, kinds, planned, started
from tests.factories import a_worker, person, recorded_knocks

Heard = list[tuple[str, tuple[str, ...], str]]


@pytest.fixture
def heard(fresh_database: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Heard]:
    """Knocks, instead of a broker, on a database of this test's own."""
    monkeypatch.setattr(clock, "_shift", 0.0)
    monkeypatch.setattr(clock, "_offset", None)
    with recorded_knocks() as knocked:
        yield knocked
    become(None)
    alarms.switch(False)


@pytest.fixture
def control(heard: Heard) -> Iterator[Control]:
    """The control thread of a worker that this process is."""
    made = Control("controlled", 1, hand_off=False)
    made.start()
    yield made
    made.drain(0)


def me() -> Incarnation:
    found = registered()
    assert found is not None
    return found


def one(tool: Any, word: str, **options: Any) -> TaskGraph:
    graph = TaskGraph()
    graph.output(graph.tool("call", tool, word=word, **options))
    return graph


def test_a_drained_worker_says_good_bye_and_hands_its_knocks_to_others(
    control: Control, heard: Heard
) -> None:
    job = planned(one(look, a_word()))
    old = me()
    old.draining = True
    heard.clear()
    runner.drive(job, "call")
    assert heard == [], "a step that has not begun does not begin any more"
    control.drain(1)
    assert registered() is None
    row = Worker.objects.get(id=old.id)
    assert (row.dead, row.known_dead) == (True, True)
    assert heard == [("aetheris.step", (job, "call"), "aetheris")]


def test_a_drain_waits_for_the_call_that_runs_and_its_outcome_counts(control: Control) -> None:
    word, gate = a_word(), threading.Event()
    world.script(word, gate)
    job = planned(one(send, word))
    running = beside(runner.drive, job, "call")
    until(lambda: world.times(word) == 1)
    old = me()
    draining = beside(control.drain, 20)
    until(lambda: old.draining)
    gate.set()
    running.join(20)
    draining.join(20)
    assert load(job).status == "completed"
    assert Worker.objects.get(id=old.id).known_dead, "it waited, and then said good-bye"
    assert world.times(word) == 1


def test_a_call_that_was_promised_but_not_sent_at_drain_is_made_by_another(control: Control) -> None:
    word = a_word()
    job = planned(one(send, word))
    state = load(job)
    ready = runner.prepare(me(), state, "call")
    assert ready is not None
    claim = beginning.begin(me(), state, ready)
    assert claim is not None
    me().draining = True
    runner._driven(claim, go_on=False)
    assert world.times(word) == 0
    assert kinds(job)[-1] == "lease_lost"
    assert load(job).calls["call"].status == "again"
    control.drain(1)
    assert run_until_parked(job).status == "completed"
    assert world.times(word) == 1


@flow
def two_calls(ctx: Any, goal: dict[str, Any]) -> list[Any]:
    """Drain between two calls."""
    first = ctx.tool(look, word=goal["word"])
    if current := registered():
        current.draining = current.draining or goal["word"] in DRAINED
    return [first, ctx.tool(look, word=goal["word"] + "-second")]


DRAINED: set[str] = set()


def test_a_workflow_is_handed_back_between_its_calls_at_drain(control: Control) -> None:
    from tests.engine.driving import asked

    word = a_word()
    DRAINED.add(word)
    job = asked("two_calls", {"word": word})
    runner.drive(job, "_plan")
    runner.drive(job, "main")
    assert kinds(job)[-1] == "lease_lost"
    assert (world.times(word), world.times(f"{word}-second")) == (1, 0)
    assert kinds(job).count("tool_invocation_started") == 1, "the second call is not even promised"
    DRAINED.clear()
    control.drain(1)
    assert run_until_parked(job).status == "completed"
    assert (world.times(word), world.times(f"{word}-second")) == (1, 1)


def test_a_worker_that_was_declared_dead_claims_nothing_and_registers_anew(control: Control) -> None:
    job = planned(one(look, word := a_word()))
    old = me()
    Worker.objects.filter(id=old.id).update(dead=True)
    runner.drive(job, "call")
    assert (old.lost, world.times(word)) == (True, 0)
    until(lambda: me() is not old)
    runner.drive(job, "call")
    assert load(job).status == "completed"


def test_what_a_buried_worker_still_does_changes_nothing_but_is_kept_as_evidence(control: Control) -> None:
    word, gate = a_word(), threading.Event()
    world.script(word, gate)
    job = planned(one(send, word))
    running = beside(runner.drive, job, "call")
    until(lambda: world.times(word) == 1)
    Worker.objects.filter(id=me().id).update(dead=True)
    scheduler.release_dead(clock.database_now())
    assert load(job).status == "parked"
    gate.set()
    running.join(20)
    assert "late_outcome" in kinds(job)
    assert run_until_parked(job).output == "late"
    assert world.times(word) == 1


def test_a_stale_claim_writes_nothing(heard: Heard) -> None:
    from jobs.core.commands import LoseLease, Outcome, StartNode, Tell

    job, gone = started(one(look, a_word())), a_worker()
    fence = store.commit(job, StartNode("_plan", gone), worker=gone).state.nodes["_plan"].fence
    store.commit(job, LoseLease("_plan", fence, "worker_dead", known_dead=True))
    before = kinds(job)
    with pytest.raises(Fenced):
        store.commit(job, Tell("_plan", fence, "_plan", 1, Outcome("landed", 1)))
    assert kinds(job) == before


@pytest.fixture
def _no_tick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scheduler, "stale", lambda now: False)


@pytest.mark.usefixtures("_no_tick")
def test_a_short_sleep_is_ended_by_the_worker_itself_without_a_tick(control: Control, heard: Heard) -> None:
    graph = TaskGraph()
    nap = graph.sleep("nap", 0.2)
    graph.tool("then", look, word=a_word(), after=[nap])
    job = planned(graph)
    until(lambda: ("aetheris.step", (job, "then"), "aetheris") in heard)
    assert kinds(job).count("timer_fired") == 1


@pytest.mark.usefixtures("_no_tick")
def test_a_short_back_off_is_knocked_for_by_the_worker_itself(control: Control, heard: Heard) -> None:
    word = a_word()
    world.script(word, ValueError("once"))
    job = planned(one(look, word, retry={"max_attempts": 2, "backoff": 0.2, "jitter": 0}))
    heard.clear()
    runner.drive(job, "call")
    until(lambda: ("aetheris.step", (job, "call"), "aetheris") in heard)
    assert Step.objects.filter(job_id=job, wake_at__lte=clock.database_now()).exists()
    runner.drive(job, "call")
    assert load(job).status == "completed"


def test_far_wake_times_are_left_to_the_tick(control: Control) -> None:
    graph = TaskGraph()
    graph.sleep("nap", alarms.NEAR + 60)
    planned(graph)
    assert alarms._heap == []


def test_an_engine_fault_fails_the_step_instead_of_leaving_it_claimed(
    control: Control, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = planned(one(look, a_word()))

    def broken(*_: Any, **__: Any) -> Any:
        raise ZeroDivisionError("a fault of the engine")

    monkeypatch.setattr(runner, "_call", broken)
    runner.drive(job, "call")
    state = load(job)
    assert state.status == "failed"
    assert state.failure is not None
    assert state.failure["error"]["code"] == "engine_error"
    assert me().held() == set()


def test_a_paused_workflow_stops_before_its_next_call_and_goes_on_when_resumed(control: Control) -> None:
    from jobs import pause, resume
    from tests.engine.driving import asked

    word = a_word()
    job = asked("waits_between", {"word": word})
    runner.drive(job, "_plan")
    runner.drive(job, "main")
    pause(job, actor=person())
    signal(job, "go", actor=person())
    runner.drive(job, "main")
    assert (load(job).status, world.times(word)) == ("paused", 0)
    resume(job, actor=person())
    runner.drive(job, "main")
    assert (load(job).status, world.times(word)) == ("completed", 1)


@flow
def waits_between(ctx: Any, goal: dict[str, Any]) -> Any:
    """Wait, then look."""
    ctx.signal("go")
    return ctx.tool(look, word=goal["word"])
