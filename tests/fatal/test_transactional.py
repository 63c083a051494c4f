"""A worker dies or stands still around the one commit of a transactional call: one row, whatever happens."""

from __future__ import annotations

import pytest

from tests.fatal.stage import FORMS, Stage

pytestmark = pytest.mark.fatal
SEAMS = ["before_call", "after_call", "before_joint_commit", "after_joint_commit"]
TTL = 3.0


def completed_once(stage: Stage, job: str) -> None:
    stage.until_status(job, "completed", "failed")
    assert stage.status(job) == "completed", stage.story()
    assert set(stage.counts(job)) == {1}, stage.story()
    assert {line["state"] for line in stage.lines(job)} == {"landed"}
    assert "outcome_unknown" not in stage.kinds(job)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("seam", SEAMS)
def test_killed_at_any_seam_its_row_is_written_once(stage: Stage, form: str, seam: str) -> None:
    first = stage.worker(crash=f"{seam}:1")
    job = stage.submit(form, "fatal.enrol")
    stage.until_dead(first)
    stage.worker()
    completed_once(stage, job)


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
