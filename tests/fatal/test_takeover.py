"""When another worker takes over, by the times on record: at once where a death is known or foretold, else by the lease."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest

from forensics.services import replay_job
from jobs import scheduler
from jobs import signal as send_signal
from jobs.worker import BEAT
from tests.factories import person
from tests.fatal import killers
from tests.fatal.audit import Row
from tests.fatal.effects import Effects
from tests.fatal.processes import Running
from tests.fatal.stage import Stage

pytestmark = [pytest.mark.fatal, pytest.mark.timeout(600)]
NEVER = 600.0  # a lease so long that nothing in a test waits for its end
TTL = 3.0
SWEEP = 3 * scheduler.PERIOD + BEAT  # a tick that nobody asked for: stale after three periods, seen at a beat


@pytest.fixture(scope="module")
def effects(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Effects]:
    """A payment service that honours our keys, as an idempotent tool promises."""
    made = Effects(tmp_path_factory.mktemp("honest"), "--dedupe")
    yield made
    made.close()


def moment(value: Any) -> datetime:
    """A time in a row or an event, whichever way the database writes it."""
    found = (
        value if isinstance(value, datetime) else datetime.fromisoformat(str(value).replace("Z", "+00:00"))
    )
    return found.replace(tzinfo=None)


def lost(stage: Stage, job: str) -> list[Row]:
    """The claims of a job that ended without an outcome: `at` and body."""
    return [
        {"at": moment(event["at"]), **json.loads(event["body"])}
        for event in stage.events(job)
        if event["type"] == "lease_lost"
    ]


def lease_of(stage: Stage, worker: str) -> datetime:
    """Until when the database granted a worker its lease."""
    rows = [row for row in stage.workers() if str(row["id"]).replace("-", "") == worker.replace("-", "")]
    return moment(rows[0]["alive_until"])


def claims(stage: Stage, job: str, node: str) -> list[str]:
    """The workers that claimed a step."""
    started = [
        event for event in stage.events(job) if event["type"] == "node_started" and event["node"] == node
    ]
    return [json.loads(event["body"])["worker"] for event in started]


def calling(stage: Stage, form: str, tool: str, **worker: Any) -> tuple[Running, str]:
    """A job whose only worker waits for the service's answer, which does not come."""
    stage.effects.behave("hang")
    first = stage.worker(slots=2, **worker)
    job = stage.submit(form, tool)
    stage.until_hanging()
    return first, job


def answers(stage: Stage) -> None:
    stage.effects.behave("normal")
    stage.effects.release()


@pytest.mark.parametrize("form", ["graph", "async"])
def test_a_silent_workers_steps_go_on_after_its_lease_and_one_sweep(stage: Stage, form: str) -> None:
    first, job = calling(stage, form, "fatal.pay_keyed", ttl=TTL)
    stage.stop(first, at_its_point=False)
    answers(stage)
    stage.worker(ttl=TTL)
    stage.until_status(job, "completed", "failed")
    (loss,) = lost(stage, job)
    ended = lease_of(stage, loss["worker"])
    assert (loss["reason"], loss["known_dead"]) == ("worker_dead", False)
    assert ended <= loss["at"] <= ended + timedelta(seconds=TTL + SWEEP)
    assert stage.counts(job) == [1]


@pytest.mark.parametrize("form", ["graph", "def", "async", "map"])
def test_a_killed_workers_steps_go_on_long_before_its_lease_has_passed(stage: Stage, form: str) -> None:
    stage.effects.behave("hang")
    first = stage.worker(slots=4, ttl=NEVER)
    job = stage.submit(form, "fatal.pay_keyed")
    stage.until_hanging(3 if form == "map" else 1)
    first.kill()
    answers(stage)
    stage.worker(ttl=NEVER)
    stage.until_status(job, "completed", "failed")
    for loss in lost(stage, job):
        assert (loss["reason"], loss["known_dead"]) == ("worker_dead", True)
        assert loss["at"] < lease_of(stage, loss["worker"]) - timedelta(seconds=NEVER / 2)
    assert set(stage.counts(job)) == {1}


@pytest.mark.parametrize("form", ["graph", "def", "async"])
def test_a_call_that_outlasts_the_drain_is_handed_back_and_made_again_with_its_key(
    stage: Stage, form: str
) -> None:
    first, job = calling(stage, form, "fatal.pay_keyed", ttl=NEVER, AETHERIS_DRAIN="1")
    second = stage.worker(ttl=NEVER)
    first.send(signal.SIGTERM)
    stage.until(lambda: lost(stage, job), "the step to be handed back", ticking=False)
    answers(stage)
    stage.until(lambda: stage.status(job) in ("completed", "failed"), "another worker", ticking=False)
    (loss,) = lost(stage, job)
    assert (loss["reason"], loss["known_dead"]) == ("handed_back", False)
    assert stage.status(job) == "completed"
    assert stage.counts(job) == [1]
    assert list(stage.effects.calls().get(line["idempotency_key"]) for line in stage.lines(job)) == [2]
    assert second.alive


def test_a_call_that_must_not_be_made_twice_is_kept_to_the_end_of_the_process(stage: Stage) -> None:
    first, job = calling(stage, "graph", "fatal.pay", ttl=NEVER, AETHERIS_DRAIN="1")
    second = stage.worker(ttl=NEVER)
    first.send(signal.SIGTERM)
    stage.until(lambda: "kept to the end" in first.said, "the end of the drain", ticking=False)
    answers(stage)
    stage.until_status(job, "completed", "failed")
    assert lost(stage, job) == []
    assert stage.counts(job) == [1]
    assert second.alive


def test_if_its_process_is_killed_at_last_the_probe_is_asked_at_once(stage: Stage) -> None:
    first, job = calling(stage, "graph", "fatal.pay_probed", ttl=NEVER, AETHERIS_DRAIN="1")
    stage.worker(ttl=NEVER)
    first.send(signal.SIGTERM)
    stage.until(lambda: "kept to the end" in first.said, "the end of the drain", ticking=False)
    first.kill()
    answers(stage)
    stage.until_status(job, "completed", "failed")
    (loss,) = lost(stage, job)
    assert (loss["reason"], loss["known_dead"]) == ("drained", True)
    assert stage.counts(job) == [1]


@pytest.mark.parametrize("form", ["graph", "def", "async"])
def test_a_run_longer_than_three_leases_keeps_its_claim(stage: Stage, form: str) -> None:
    _, job = calling(stage, form, "fatal.pay", ttl=TTL)
    (worker,) = {row["id"] for row in stage.workers()}
    begun = lease_of(stage, str(worker))
    long = begun + timedelta(seconds=3 * TTL)
    stage.until(lambda: lease_of(stage, str(worker)) > long, "three leases to pass")
    answers(stage)
    stage.until_status(job, "completed", "failed")
    assert stage.status(job) == "completed"
    assert lost(stage, job) == []
    node = "main" if form != "graph" else "pay"
    assert len(claims(stage, job, node)) == 1
    assert stage.counts(job) == [1]


def test_a_job_that_changes_its_worker_after_every_step_loses_nothing(stage: Stage) -> None:
    stage.effects.behave("slow", seconds=0.3)
    stage.worker(slots=2, ttl=NEVER, crash="after_outcome:1")
    job = stage.submit_goal("wandering", {"steps": 10})
    for turn in range(100):
        current = stage.processes[-1]
        if stage.status(job) in ("completed", "failed"):
            break
        send_signal(job, "go", {"turn": turn}, actor=person())
        if turn % 2:
            done = stage.kinds(job).count("tool_invocation_finished")
            stage.until(lambda done=done: moved(stage, job, done), "the next call")
            current.send(signal.SIGTERM)
        stage.until(lambda current=current, job=job: gone(stage, job, current), "the worker to go")
        stage.worker(slots=2, ttl=NEVER, crash="" if turn % 2 == 0 else "after_outcome:1")
    assert stage.status(job) == "completed", stage.story()
    out = json.loads(stage.job(job)["output"])
    assert out["state"] == {"sum": sum(range(10)), "last": 9}
    assert out["calls"] == list(range(1, 11))
    assert stage.counts(job) == [1] * 10
    recorded = [
        json.loads(each["body"])["value"] for each in stage.events(job) if each["type"] == "effect_recorded"
    ]
    assert out["dice"] == [value for value in recorded if isinstance(value, float)]
    assert len(out["dice"]) == 10
    assert len(out["signals"]) == 2
    assert (
        len({json.loads(e["body"])["worker"] for e in stage.events(job) if e["type"] == "node_started"}) >= 5
    )
    assert killers.wandering.name == "fatal-wandering", "the replay needs the code here"
    told = replay_job(job)
    assert (told["ok"], told["problem"]) == (True, None)


def moved(stage: Stage, job: str, done: int) -> bool:
    """Whether another call has ended, or there is none any more."""
    over = stage.status(job) in ("completed", "failed", "parked")
    return over or stage.kinds(job).count("tool_invocation_finished") > done


def gone(stage: Stage, job: str, worker: Running) -> bool:
    """Whether the worker has left, or has nothing to leave for."""
    return not worker.alive or stage.status(job) in ("completed", "failed", "parked")
