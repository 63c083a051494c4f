"""A worker dies between the world's answer and its record: the next one asks again, and nothing is executed again (E7)."""

from __future__ import annotations

import pytest

from jobs import signal
from tests.factories import person
from tests.fatal.stage import Stage

pytestmark = pytest.mark.fatal
# After the claim of the plan, the plan with the promise, and the outcome that parks the job.
ANSWER = 4


@pytest.mark.parametrize("seam", ["in_append", "before_commit", "after_commit", "after_commit_before_knock"])
def test_killed_around_the_record_of_the_answer_the_job_goes_on_once(stage: Stage, seam: str) -> None:
    first = stage.worker(crash=f"{seam}:{ANSWER}", slots=1)
    job = stage.submit("confirm", "none")
    stage.until_status(job, "parked")
    signal(job, "go", actor=person())
    stage.until_dead(first)
    kept = stage.kinds(job).count("world_confirmed")
    assert kept == (1 if seam.startswith("after") else 0)
    stage.worker()
    stage.until_status(job, "completed", "failed")
    assert stage.status(job) == "completed", stage.story()
    assert (stage.kinds(job).count("world_confirmed"), stage.counts(job)) == (1, [1])
