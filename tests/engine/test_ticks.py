"""The tick: one of many, taken over when stale, the safety net for every lost knock."""

from __future__ import annotations

import subprocess
import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection, connections

from jobs import TaskGraph, clock, runner, scheduler, store
from jobs.core.commands import StartNode
from jobs.incarnation import Incarnation
from jobs.models import Step, Tick, Worker
from jobs.registration import register
from jobs.testing import in_this_process
from jobs.worker import Control
from tests.agents.tools import add, look
from tests.brokers.workers import until
from tests.engine.driving import a_word, asked, kinds, started
from tests.factories import a_worker, recorded_knocks, status_of

pytestmark = pytest.mark.usefixtures("alone")


@pytest.fixture
def alone(fresh_database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A database of this test's own: a tick sees all jobs."""
    monkeypatch.setattr(clock, "_shift", 0.0)
    monkeypatch.setattr(clock, "_offset", None)


def in_threads(count: int, work: Callable[[], Any]) -> list[Any]:
    start, found = threading.Barrier(count), []

    def body() -> None:
        start.wait(30)
        try:
            found.append(work())
        finally:
            connections.close_all()

    threads = [threading.Thread(target=body) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    return found


def test_of_ten_ticks_at_once_one_is_made() -> None:
    assert sorted(in_threads(10, scheduler.tick)) == [False] * 9 + [True]
    clock.shift(2)
    assert sorted(in_threads(10, scheduler.tick)) == [False] * 9 + [True]


def test_a_tick_that_was_just_made_is_not_made_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scheduler, "PERIOD", 1000.0)
    assert scheduler.tick()
    assert not scheduler.tick()


def test_a_stale_tick_is_taken_over_by_the_control_thread_of_a_worker() -> None:
    assert scheduler.tick()
    control = Control("controlled", 1, hand_off=False)
    with recorded_knocks():
        control.start()
        try:
            clock.shift(4)
            before = clock.now()
            until(lambda: Tick.objects.filter(finished_at__gte=before).exists())
        finally:
            control.drain(0)


def test_a_claimed_tick_that_never_finished_is_made_by_another_after_a_while() -> None:
    Tick.objects.create(name="tick", claimed_until=clock.database_now() + timedelta(seconds=5))
    assert not scheduler.tick()
    clock.shift(6)
    assert scheduler.tick()


def test_jobs_complete_by_ticks_alone_when_every_knock_is_lost() -> None:
    word, graph = a_word(), TaskGraph()
    one = graph.tool("one", look, word=word)
    nap = graph.sleep("nap", 30, after=[one])
    graph.map("all", add, over=[1, 2, 3], each={"a": graph.item}, after=[nap])
    child = graph.agent("child", "adder", {"a": 1, "b": 2}, after=[one])
    graph.output(child)
    with in_this_process(), recorded_knocks() as heard:
        job = started(graph)
        for _ in range(30):
            heard.clear()
            clock.shift(6)
            scheduler.tick()
            for task, args, _ in [each for each in heard if each[0] == "aetheris.step"][:]:
                assert task == "aetheris.step"
                runner.drive(*args)
            if status_of(job) == "completed":
                break
    assert (status_of(job), store.load(job).output) == ("completed", 3)


def test_a_knock_that_was_just_sent_is_not_sent_again() -> None:
    with in_this_process(), recorded_knocks() as heard:
        asked("adder", {"a": 1, "b": 2})
        clock.shift(6)
        heard.clear()
        scheduler.tick()
        clock.shift(2)
        scheduler.tick()
        assert len(heard) == 1


def a_worker_whose_process_has_ended() -> str:
    _, row = register("gone", slots=1)
    ended = subprocess.Popen(["true"])
    ended.wait(20)
    Worker.objects.filter(id=row.id).update(pid=ended.pid)
    return str(row.id)


def test_steps_of_a_dead_worker_go_to_others() -> None:
    gone = a_worker_whose_process_has_ended()
    with in_this_process(), recorded_knocks() as heard:
        job = asked("adder", {"a": 1, "b": 2})
        store.commit(job, StartNode("_plan", gone), worker=gone)
        heard.clear()
        scheduler.bury(clock.database_now())
        scheduler.release_dead(clock.database_now())
        assert Worker.objects.get(id=gone).known_dead
        assert kinds(job)[-1] == "lease_lost"
        assert heard == [("aetheris.step", (job, "_plan"), "aetheris")]
        assert Step.objects.get(job_id=job).state == "ready"


def parked_jobs(count: int) -> None:
    """So many parked jobs: one that has really parked, and agenda rows like its own."""
    graph = TaskGraph()
    graph.wait("go", signal="go")
    job = started(graph)
    runner.drive(job, "_plan")
    row = Step.objects.get(job_id=job)
    assert (row.state, row.wake_at) == ("parked", None)
    Step.objects.bulk_create(
        Step(job_id=uuid4(), node=row.node, tenant=row.tenant, kind=row.kind, state=row.state)
        for _ in range(count - 1)
    )


def plan_of(statement: tuple[str, Any]) -> str:
    """How the database goes about a statement, on what it knows of its tables."""
    sql, params = statement
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
        explain = "EXPLAIN " if connection.vendor == "postgresql" else "EXPLAIN QUERY PLAN "
        cursor.execute(explain + sql, params)
        return "\n".join(str(row) for row in cursor.fetchall())


def seen_by(work: Callable[[], Any]) -> list[tuple[str, Any]]:
    """The statements of some work."""
    seen: list[tuple[str, Any]] = []

    def note(run: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        seen.append((sql, params))
        return run(sql, params, many, context)

    with connection.execute_wrapper(note):
        work()
    return seen


def test_the_queries_of_the_tick_use_their_indexes_and_read_no_parked_row() -> None:
    gone = a_worker(dead=True)
    with in_this_process(), recorded_knocks():
        parked_jobs(1000)
        store.commit(asked("adder", {"a": 1, "b": 2}), StartNode("_plan", mine := a_worker()), worker=mine)
        now = clock.database_now()
        (due,) = seen_by(lambda: scheduler.fire_due(now))
        busy, _ = seen_by(lambda: scheduler.release_dead(now))
        of_dead = Step.objects.filter(worker__in=[gone]).query.sql_with_params()
    assert "agenda_due" in plan_of(due)
    assert "agenda_by_worker" in plan_of(busy)
    assert "agenda_by_worker" in plan_of(of_dead)


def first_step_of_a_fresh_job() -> list[str]:
    """Statements from the submission to the end of a job of one step, and of the tick after it."""

    def work() -> None:
        job = asked("adder", {"a": 1, "b": 2})
        runner.drive(job, "_plan")
        runner.drive(job, "sum")
        clock.shift(10)
        scheduler.tick()

    return [sql for sql, _ in seen_by(work)]


def test_a_thousand_parked_jobs_cost_a_fresh_one_no_statement_and_the_tick_no_row() -> None:
    with in_this_process(seconds=1e7), recorded_knocks():
        first_step_of_a_fresh_job()
        clock.shift(10)
        alone = first_step_of_a_fresh_job()
        parked_jobs(1000)
        clock.shift(10)
        assert Step.objects.filter(wake_at__isnull=False).count() == 0
        assert first_step_of_a_fresh_job() == alone
        assert Step.objects.count() == 1000


def test_a_worker_forgets_nothing_when_the_answer_of_a_claim_is_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    from jobs import forgotten
    from jobs.testing import run_until_parked

    with in_this_process() as me, recorded_knocks():
        job = lost_claim(me)
        idle = forgotten.free(me, set())
        assert len(idle) == 1
        forgotten.free(me, idle)
        assert kinds(job)[-1] == "lease_lost"
        assert run_until_parked(job).status == "completed"


def lost_claim(me: Incarnation) -> str:
    job = asked("adder", {"a": 1, "b": 2})
    store.commit(job, StartNode("_plan", me.id), worker=me.id)
    return job
