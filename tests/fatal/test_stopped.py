"""A worker stands still until its lease has passed and goes on afterwards: it changes no state and calls nothing new."""

from __future__ import annotations

import pytest

from tests.fatal.processes import Running
from tests.fatal.stage import Stage

pytestmark = pytest.mark.fatal
TTL = 3.0


def calls(stage: Stage, job: str) -> list[int]:
    """How many calls of the job's effects arrived at the service."""
    arrived = stage.effects.calls()
    return [arrived.get(line["idempotency_key"], 0) for line in stage.lines(job)]


def stopped_after_its_promise(stage: Stage, form: str, tool: str) -> tuple[Running, str]:
    """A job whose worker stands between its promise and its last look at the lease, and another worker."""
    first = stage.worker(crash="after_promise:1:HOLD", slots=1, ttl=TTL)
    job = stage.submit(form, tool)
    stage.stop(first)
    stage.worker(ttl=TTL)
    return first, job


def goes_on(stage: Stage, first: Running, job: str) -> None:
    """Let the first worker go on until it has told what it knows; it adds evidence and nothing else."""
    told, row = stage.kinds(job), stage.job(job)
    stage.go_on(first)
    stage.until(lambda: stage.kinds(job) != told, "the late outcome")
    assert stage.kinds(job) == [*told, "late_outcome"]
    assert stage.job(job)["status"] == row["status"] == "completed"
    assert stage.job(job)["output"] == row["output"]


@pytest.mark.parametrize("form", ["look", "looking"])
def test_an_answer_under_a_stale_fence_is_evidence_and_no_more(stage: Stage, form: str) -> None:
    first = stage.worker(crash="before_outcome:1:HOLD", slots=1, ttl=TTL)
    job = stage.submit(form, "none")
    stage.stop(first)
    stage.effects.behave("hang", on="order")
    stage.worker(ttl=TTL)
    stage.until_hanging(ticking=True)  # the second worker asks the same again, and waits
    told = stage.kinds(job)
    stage.go_on(first)
    stage.until(lambda: stage.kinds(job) != told, "the late outcome")
    assert stage.kinds(job) == [*told, "late_outcome"]
    assert stage.status(job) == "running"
    stage.effects.behave("normal", on="order")
    stage.effects.release()
    stage.until_status(job, "completed", "failed")
    assert stage.kinds(job).count("node_finished") == 2


def test_an_absent_effect_is_left_to_a_person_while_its_caller_may_live(stage: Stage) -> None:
    first, job = stopped_after_its_promise(stage, "graph", "fatal.pay_briefly")
    stage.until_status(job, "parked", "completed")
    assert stage.kinds(job)[-3:] == [
        "node_started",
        "outcome_unknown",
        "job_parked",
    ]  # the probe has been asked
    assert [line["state"] for line in stage.lines(job)] == ["unknown"]
    assert calls(stage, job) == [0]
    stage.resolve(stage.lines(job)[0], "absent")
    stage.until_status(job, "completed", "failed")
    goes_on(stage, first, job)
    assert calls(stage, job) == stage.counts(job) == [1]


def test_a_worker_that_was_declared_dead_comes_back_as_a_new_one(stage: Stage) -> None:
    first, job = stopped_after_its_promise(stage, "graph", "fatal.pay_keyed")
    stage.until_status(job, "completed", "failed")
    stage.go_on(first)
    stage.until(lambda: first.said.count("registered as") == 2, "the first worker to register anew")
    stage.processes[1].kill()
    other = stage.submit("graph", "fatal.pay")
    stage.until_status(other, "completed", "failed")
    assert stage.counts(other) == [1]
