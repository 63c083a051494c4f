"""A finished job is replayed from its record: no tool is called, no model is asked, nothing is written."""

from __future__ import annotations

import pytest

from forensics.services import replay_job, verify_job
from tests.fatal.audit import query
from tests.fatal.stage import FORMS, Stage

pytestmark = pytest.mark.fatal
TABLES = ("jobs_event", "jobs_job", "jobs_step", "jobs_delivery", "ledger_invocation")


def everything(stage: Stage) -> list[list[tuple[str, ...]]]:
    """Every row that a job has, byte for byte."""
    rows = [query(stage.database, f"SELECT * FROM aetheris_{table}") for table in TABLES]  # noqa: S608 - ours
    return [sorted(tuple(map(str, row.values())) for row in table) for table in rows]


def test_a_replay_calls_nothing_and_gives_the_same_each_time(stage: Stage) -> None:
    stage.worker()
    jobs = [stage.submit(form, "fatal.pay") for form in [*FORMS, "thinking"]]
    for job in jobs:
        stage.until_status(job, "completed", "failed")
    stage.check()
    for process in stage.processes:
        process.kill()
    rows, calls = everything(stage), stage.effects.calls()
    for job in jobs:
        first, second = replay_job(job), replay_job(job)
        assert (first["ok"], first["problem"]) == (True, None)
        assert first == second
        assert first["steps"] >= 1
        assert verify_job(job)["ok"]
    assert stage.effects.calls() == calls
    assert everything(stage) == rows


def test_a_job_that_survived_its_worker_is_replayed_like_any_other(stage: Stage) -> None:
    first = stage.worker(crash="after_call:2", slots=1)
    job = stage.submit("thinking", "fatal.pay_probed")
    stage.until_dead(first)
    stage.worker()
    stage.until_status(job, "completed", "failed")
    calls = stage.effects.calls()
    told = replay_job(job)
    assert (told["ok"], told["problem"]) == (True, None)
    assert stage.effects.calls() == calls
