"""Real worker processes: work spreads, async waits cost no threads, pools and brokers, drain."""

from __future__ import annotations

import json
import os
import signal as signals
from datetime import timedelta
from pathlib import Path

import pytest

from jobs import TaskGraph, clock
from jobs.core.moments import parse
from jobs.models import Event, Job, Step, Tick, Worker
from tests.brokers.workers import until
from tests.engine.driving import a_word, asked, started
from tests.engine.workers import Crew, alive, claims, crew, ends, kept, working
from tests.servers import Valkey

pytestmark = pytest.mark.timeout(300)


@pytest.fixture
def at_work(fresh_database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> object:
    """A place for workers on a database of this test's own."""
    monkeypatch.setattr(clock, "_shift", 0.0)
    monkeypatch.setattr(clock, "_offset", None)
    with crew(fresh_database, tmp_path) as made:
        yield made


def test_branches_items_and_children_of_one_job_run_on_every_worker(at_work: Crew) -> None:
    word = a_word()
    with working(at_work, "one", "two", options=("-P", "threads", "-c", "2")) as workers:
        job = asked("spread", {"word": word, "branches": 4, "items": 6, "seconds": 0.3})
        done = ends(job, *workers)
    assert done.error is None
    assert len(claims(job)) == 2, claims(job)
    assert len({pid for pid, _ in at_work.lines(word)}) == 2
    assert len(at_work.lines(word)) == 11


def test_two_hundred_waits_and_calls_of_an_async_workflow_need_no_thread_each(at_work: Crew) -> None:
    word = a_word()
    with working(at_work, "one", options=("-P", "threads", "-c", "2")) as workers:
        job = asked("many_waits", {"word": word, "waits": 200, "calls": 50, "seconds": 1})
        done = ends(job, *workers)
    assert done.output == "50"
    assert len({thread for _, thread in at_work.lines(word)}) == 1, "all of them on the process's one loop"
    assert claims(job).total() < 125, "a step goes on once for many answers, not once for each of 250"


def test_async_calls_of_a_graph_wait_side_by_side_without_a_thread_each(at_work: Crew) -> None:
    word = a_word()
    with working(at_work, "one", options=("-P", "threads", "-c", "2")) as workers:
        job = asked("spread_async", {"word": word, "branches": 20, "items": 20, "seconds": 2})
        until(lambda: len(at_work.lines(word)) >= 40, *workers)
        assert Step.objects.filter(job_id=job, state="running").count() > 2, (
            "more wait than the pool has threads"
        )
        ends(job, *workers)
    assert len({thread for _, thread in at_work.lines(word)}) == 2, (
        "the loop's, and that of the child's plain call"
    )


def test_the_prefork_pool_works(at_work: Crew) -> None:
    at_work.env["AETHERIS_LEASE_TTL"] = "10"
    with working(at_work, "one", options=("-P", "processes", "-c", "1")) as workers:
        job = asked("counted", {"n": 5})
        assert ends(job, *workers).output == "5"
        assert "(prefork)" in workers[0].log.read_text()
        word = a_word()
        other = asked("many_waits", {"word": word, "waits": 2, "calls": 2, "seconds": 0.1})
        assert ends(other, *workers).output == "2"
        assert {process for process, _ in at_work.lines(word)}.isdisjoint({str(workers[0].pid)})


def test_valkey_carries_the_knocks(
    fresh_database: str, tmp_path: Path, shared_valkey: Valkey, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clock, "_offset", None)
    with crew(fresh_database, tmp_path, shared_valkey.url) as made, working(made, "one") as workers:
        jobs = [
            asked("spread", {"word": a_word(), "branches": 2, "items": 2, "seconds": 0}) for _ in range(3)
        ]
        for job in jobs:
            ends(job, *workers)


def test_a_worker_told_to_stop_finishes_its_call_says_good_bye_and_another_does_the_rest(
    at_work: Crew,
) -> None:
    word = a_word()
    with working(at_work, "one", "two", options=("-P", "threads", "-c", "1")) as (first, second):
        job = asked("spread", {"word": word, "branches": 4, "items": 2, "seconds": 1})
        until(lambda: [str(first.pid)] in [line[:1] for line in at_work.lines(word)], first, second)
        assert first.stop(by=signals.SIGTERM) == 0
        gone = Worker.objects.get(name="one@toy")
        assert gone.known_dead
        assert alive() == 1
        ends(job, second)
    assert Job.objects.get(id=job).error is None
    assert len(at_work.lines(word)) == 7, "every call was made once, none was given up"
    assert len(claims(job)) == 2


def test_the_broker_holds_nothing_for_a_parked_job(at_work: Crew) -> None:
    graph = TaskGraph()
    graph.wait("go", signal="go")
    queued = at_work.folder / "broker" / "queues"

    def messages() -> list[Path]:
        return [path for path in queued.rglob("*") if path.is_file()]

    jobs = [started(graph) for _ in range(5)]
    assert len(messages()) == 5
    with working(at_work, "one") as workers:
        for job in jobs:
            ends(job, *workers, status="parked")
        until(lambda: not messages(), *workers)


def test_the_steps_of_a_killed_prefork_child_go_on_without_any_sweep(at_work: Crew) -> None:
    at_work.env["AETHERIS_LEASE_TTL"] = "600"
    word = a_word()
    with kept(at_work):  # a death in the pool is told with a traceback, so not `working`
        workers = [at_work.worker("one", "-P", "prefork", "-c", "2")]
        until(lambda: alive() == 2, *workers)
        moment = clock.database_now()
        Tick.objects.update_or_create(
            name="tick", defaults={"claimed_until": moment + timedelta(days=1), "finished_at": moment}
        )
        job = asked("spread", {"word": word, "branches": 1, "items": 0, "seconds": 2})
        until(lambda: len(at_work.lines(word)) >= 1, *workers)
        os.kill(int(at_work.lines(word)[0][0]), signals.SIGKILL)
        ends(job, *workers)
    (loss,) = [json.loads(each.body or "") for each in Event.objects.filter(job_id=job, type="lease_lost")]
    dead = Worker.objects.get(id=loss["worker"])
    assert (loss["reason"], loss["known_dead"], dead.known_dead) == ("worker_dead", True, True)
    (at,) = Event.objects.filter(job_id=job, type="lease_lost").values_list("at", flat=True)
    assert parse(at) < dead.alive_until - timedelta(seconds=300)
