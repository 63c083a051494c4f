"""A job fails after its effect has landed, and is retried while workers and the API die: each effect happens once."""

from __future__ import annotations

import pytest

from forensics.services import replay_job, verify_job
from jobs import fork, retry
from jobs.core.errors import Illegal
from tests.factories import person
from tests.fatal import agents_of_two
from tests.fatal.stage import Stage
from tests.fatal.web import BROKEN, api, post

pytestmark = pytest.mark.fatal
AGENTS = agents_of_two.__name__
PROBED = "fatal.pay_probed"
every_form = pytest.mark.parametrize("form", ["twice", "twice-flow"])


def failed(stage: Stage, form: str) -> str:
    """A job that has paid once and then failed, because its order could not be read."""
    stage.effects.behave("fail", on="order")
    worker = stage.worker(AETHERIS_AGENTS=AGENTS)
    job = stage.submit(form, PROBED)
    stage.until_status(job, "failed")
    assert stage.counts(job) == [1]
    worker.kill()
    stage.effects.behave("normal", on="order")
    return job


def completed(stage: Stage, job: str, before: str) -> None:
    """It recalls the first payment, made the second one, and each was made once."""
    stage.until_status(job, "completed", "failed")
    assert stage.status(job) == "completed", stage.story()
    states = {line["node"].rpartition("/")[2]: line["state"] for line in stage.lines(job)}
    assert sorted(states.values()) == ["landed", "recalled"], states
    assert stage.counts(job) == [1, 1]
    stage.until(lambda: stage.kinds(before)[-1] == "job_forked", "the old job to note its retry")
    for each in (before, job):
        assert verify_job(each)["problem"] is None
    assert replay_job(job)["ok"]


@every_form
@pytest.mark.parametrize("at", ["after_claim:1", "before_promise:1", "after_call:1", "after_outcome:1"])
def test_a_retry_whose_worker_is_killed_does_nothing_twice(stage: Stage, form: str, at: str) -> None:
    job = failed(stage, form)
    second = str(retry(job, actor=person()))
    first = stage.worker(crash=at, slots=1, AETHERIS_AGENTS=AGENTS)
    stage.until(lambda: not first.alive, "a worker to die at its crash point")
    stage.worker(AETHERIS_AGENTS=AGENTS)
    completed(stage, second, job)


def test_a_retry_that_was_not_answered_is_sent_again_and_is_one_job(stage: Stage, token: str) -> None:
    job, key = failed(stage, "twice"), {"Idempotency-Key": "again"}
    with pytest.raises(BROKEN):
        post(api(stage, crash="after_birth_before_knock:1"), f"jobs/{job}/retry", {}, token, **key)
    status, told = post(api(stage), f"jobs/{job}/retry", {}, token, **key)
    assert status == 202, told
    stage.worker(AETHERIS_AGENTS=AGENTS)
    completed(stage, told["id"], job)
    assert stage.how_many_jobs() == 2


def test_a_fork_pays_again_only_what_was_confirmed(stage: Stage) -> None:
    job = failed(stage, "twice")
    with pytest.raises(Illegal) as refused:
        fork(job, 1, actor=person())
    listed = [each["invocation"] for each in refused.value.details["calls"]]  # type: ignore[attr-defined]
    whole = str(fork(job, 1, confirm=listed, actor=person()))
    stage.worker(AETHERIS_AGENTS=AGENTS)
    stage.until_status(whole, "completed", "failed")
    assert stage.counts(whole) == [1, 1]
    assert len([count for count in stage.effects.counts().values() if count]) >= 3
