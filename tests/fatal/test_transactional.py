"""A worker dies or stands still around the one commit of a transactional call: one row, whatever happens."""

from __future__ import annotations

import pytest

from tests.fatal.stage import Stage

pytestmark = pytest.mark.fatal
TTL = 3.0


def completed_once(stage: Stage, job: str) -> None:
    stage.until_status(job, "completed", "failed")
    assert stage.status(job) == "completed", stage.story()
    assert set(stage.counts(job)) == {1}, stage.story()
    assert {line["state"] for line in stage.lines(job)} == {"landed"}
    assert "outcome_unknown" not in stage.kinds(job)


def test_a_worker_that_stands_still_inside_the_transaction_writes_nothing_when_it_wakes(stage: Stage) -> None:
    """Postgres ends its session; on SQLite it holds the one writer's place until it wakes or dies."""
    if stage.database.startswith("sqlite"):
        pytest.skip("on SQLite a process that stands still inside a transaction stops every writer")
    first = stage.worker(slots=1, ttl=TTL)
    job = stage.submit("graph", "fatal.enrol_held")
    stage.stop(first)
    stage.worker(ttl=TTL)
    completed_once(stage, job)
    told = stage.kinds(job)
    stage.go_on(first)
    stage.until(lambda: first.said.count("registered as") == 2, "the first worker to register anew")
    assert stage.kinds(job) in (told, [*told, "late_outcome"])  # that it was rolled back, as evidence
    assert stage.counts(job) == [1]


def test_the_lease_is_kept_while_transactional_calls_follow_each_other(stage: Stage) -> None:
    """On SQLite each of them has the pen for most of its time; heartbeats go first."""
    worker = stage.worker(slots=2, ttl=TTL)
    jobs = [stage.submit("map", "fatal.enrol_slowly") for _ in range(3)]
    for job in jobs:
        completed_once(stage, job)
        assert "lease_lost" not in stage.kinds(job), stage.story()
    assert worker.said.count("registered as") == 1
    assert [bool(row["dead"]) for row in stage.workers()] == [False]
