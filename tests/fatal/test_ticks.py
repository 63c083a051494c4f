"""Time goes on whatever happens to those who ask for it: knocks may be lost, ticks and beats may be many."""

from __future__ import annotations

import signal

import pytest

from jobs import signal as send_signal
from tests.factories import person
from tests.fatal.stage import FORMS, Stage

pytestmark = pytest.mark.fatal


def test_jobs_whose_knocks_are_all_lost_complete_by_the_tick(stage: Stage) -> None:
    jobs = [stage.submit(form, "fatal.pay") for form in FORMS]
    stage.lose_every_knock()
    stage.worker()

    def begun_without_knocks() -> bool:
        stage.lose_every_knock()
        return all(stage.status(job) != "pending" for job in jobs)

    stage.until(begun_without_knocks, "all jobs to begin")
    for job in jobs:
        stage.until_status(job, "completed", "failed")
        assert set(stage.counts(job)) == {1}


def test_a_signal_whose_knock_is_lost_is_heard_by_the_tick(stage: Stage) -> None:
    stage.worker()
    job = stage.submit("wait", "fatal.pay")
    stage.until_status(job, "parked")
    send_signal(job, "go", None, actor=person())
    stage.lose_every_knock()
    stage.until_status(job, "completed", "failed")
    assert stage.counts(job) == [1]


def ticks(stage: Stage) -> int:
    """How often a worker has been through a tick."""
    return sum(process.said.count("aetheris.tick") for process in stage.processes)


def test_ten_ticks_at_once_take_a_dead_workers_step_over_once(stage: Stage) -> None:
    first = stage.worker(crash="after_claim:1")
    jobs = [stage.submit("graph", "fatal.pay") for _ in range(3)]
    stage.until_dead(first)
    stage.worker()
    stage.worker()

    for _ in range(5):
        done = ticks(stage)
        for _ in range(10):
            stage.sender.send_task("aetheris.tick", queue="aetheris")
        stage.until(lambda done=done: ticks(stage) > done, "the ticks to be looked at", ticking=False)
    for job in jobs:
        stage.until_status(job, "completed", "failed")
        claims = [
            event["node"] for event in stage.events(job) if event["type"] in ("node_started", "lease_lost")
        ]
        assert len(claims) <= 5, "a step was lost or claimed more often than its worker died"
        assert stage.counts(job) == [1]


def test_two_beats_do_no_harm_and_one_that_dies_stops_nothing(stage: Stage) -> None:
    first = stage.worker(crash="after_call:1", slots=1)
    beats = [
        stage.start("celery", ["-A", "aetheris_site", "beat", "-l", "INFO", "--pidfile="]) for _ in range(2)
    ]
    job = stage.submit("graph", "fatal.pay_probed")
    stage.until_dead(first)
    for beat in beats:
        stage.until(
            lambda beat=beat: "Sending due task" in beat.said, "a beat to ask for a tick", ticking=False
        )
    stage.worker()
    stage.until(lambda: stage.status(job) == "completed", "the job to complete", ticking=False)
    for beat in beats:
        beat.kill()
    stage.processes[0].kill()
    late = stage.submit("graph", "fatal.pay")
    stage.lose_every_knock()
    stage.until(
        lambda: stage.status(late) == "completed", "a job to complete without any beat", ticking=False
    )
    assert stage.counts(job) == stage.counts(late) == [1]


def test_a_worker_that_dies_in_the_tick_keeps_nobody_waiting(stage: Stage) -> None:
    job = stage.submit("graph", "fatal.pay")
    stage.lose_every_knock()
    first = stage.worker(crash="in_tick:1")
    stage.until(lambda: not first.alive, "the worker to die in the tick")
    stage.worker()
    stage.until_status(job, "completed", "failed")
    assert stage.counts(job) == [1]


def test_a_stopped_worker_that_holds_the_tick_does_not_stop_time(stage: Stage) -> None:
    job = stage.submit("graph", "fatal.pay")
    stage.lose_every_knock()
    first = stage.worker(crash="in_tick:1:STOP", slots=1)
    stage.until(lambda: first.stopped, "the worker to stand still in the tick")
    stage.worker()
    stage.until_status(job, "completed", "failed")
    first.send(signal.SIGCONT)
    assert stage.counts(job) == [1]
