"""Retries keep their time and their count over the death of who planned them; a call given up keeps nobody."""

from __future__ import annotations

import json
import signal
from datetime import datetime
from typing import Any

import pytest

from tests.fatal.agents_of_time import CALMLY
from tests.fatal.audit import Row
from tests.fatal.stage import Stage

pytestmark = pytest.mark.fatal


def bodies(stage: Stage, job: str, kind: str) -> list[tuple[Row, dict[str, Any]]]:
    """The events of a kind, with what they say."""
    return [(e, json.loads(e["body"])) for e in stage.events(job) if e["type"] == kind]


def planned_twice(stage: Stage) -> str:
    """A job whose call has failed twice, under two workers that are dead; two retries were planned, the second is due."""
    stage.effects.behave("fail", on="order")
    job = stage.submit("timed", "fatal.pay_calmly")
    for count in (1, 2):
        worker = stage.worker()
        stage.until(
            lambda n=count: stage.kinds(job).count("node_retry_scheduled") == n, "a retry to be planned"
        )
        worker.kill()
    return job


def test_a_retry_keeps_its_time_and_its_count_though_each_worker_that_plans_one_is_killed(
    stage: Stage,
) -> None:
    job = planned_twice(stage)
    stage.effects.behave("normal", on="order")
    stage.worker()
    stage.until_status(job, "completed", "failed")
    assert stage.status(job) == "completed"
    assert stage.counts(job) == [1]
    starts = [(e, body) for e, body in bodies(stage, job, "node_started") if e["node"] == "pay"]
    assert [body["attempt"] for _, body in starts] == [1, 2, 3]
    for (planned, body), (start, _) in zip(
        bodies(stage, job, "node_retry_scheduled"), starts[1:], strict=True
    ):
        assert start["at"] >= body["wake_at"]
        pause = datetime.fromisoformat(body["wake_at"]) - datetime.fromisoformat(planned["at"])
        longest = CALMLY.backoff * CALMLY.factor ** (body["attempt"] - 1) * (1 + CALMLY.jitter)
        assert longest / 3 <= pause.total_seconds() <= longest  # the second is drawn from twice the first's


def test_the_attempts_of_a_call_are_counted_over_the_deaths_of_its_workers(stage: Stage) -> None:
    """Three attempts are three, whoever makes them: the policy does not begin anew with a new worker."""
    job = planned_twice(stage)
    stage.worker()
    stage.until_status(job, "completed", "failed")
    assert stage.status(job) == "failed"
    assert stage.kinds(job).count("tool_invocation_started") == 3
    assert stage.counts(job) == [0]


def test_calls_that_ignore_their_timeout_keep_no_slot_and_what_they_tell_late_settles_them(
    stage: Stage,
) -> None:
    stage.effects.behave("hang")
    worker = stage.worker(slots=1)
    jobs = [stage.submit("timed", "fatal.pay_hastily") for _ in range(4)]
    for job in jobs:
        stage.until_status(job, "parked")
        assert [line["state"] for line in stage.lines(job)] == ["unknown"]
    assert "4 calls that were given up have not ended" in worker.said
    looked = stage.submit("look", "none")
    stage.until_status(looked, "completed", "failed")  # the one slot is free
    stage.effects.behave("normal")
    stage.effects.release()
    for job in jobs:
        stage.until_status(job, "completed", "failed")
        assert "late_outcome" in stage.kinds(job)
        assert stage.counts(job) == [1]


def test_a_drain_does_not_wait_for_calls_that_were_given_up(stage: Stage) -> None:
    stage.effects.behave("hang")
    worker = stage.worker(slots=2)
    jobs = [stage.submit("timed", "fatal.pay_hastily") for _ in range(2)]
    for job in jobs:
        stage.until_status(job, "parked")
    worker.send(signal.SIGTERM)
    stage.until(lambda: not worker.alive, "the worker to leave", ticking=False, seconds=15)  # less than DRAIN
    assert stage.effects.hanging == 2
    for job in jobs:
        stage.resolve(stage.lines(job)[0], "fail")
        stage.effects.release()
