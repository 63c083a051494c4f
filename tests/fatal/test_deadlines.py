"""The deadline of an approval passes while no process lives at all."""

from __future__ import annotations

import pytest

from jobs import approve, clock
from jobs.core.errors import Stale
from jobs.models import Approval
from tests.factories import person
from tests.fatal import agents_of_time  # noqa: F401 - this process submits its agents, too
from tests.fatal.stage import Stage

pytestmark = [pytest.mark.fatal, pytest.mark.timeout(600)]


@pytest.mark.parametrize(
    ("then", "state", "paid"),
    [("reject", "rejected", []), ("approve", "approved", [1]), ("escalate", "open", [])],
)
def test_it_does_what_was_declared_after_the_restart_and_a_decision_meanwhile_is_refused(
    stage: Stage, then: str, state: str, paid: list[int]
) -> None:
    first = stage.worker(ttl=3)
    job = stage.submit_goal("ask-soon", {"then": then})
    stage.until(lambda: Approval.objects.filter(job_id=job).exists(), "the question")
    first.kill()
    row = Approval.objects.get(job_id=job)
    assert row.deadline is not None
    ends = row.deadline
    stage.until(lambda: clock.database_now() > ends, "the deadline", ticking=False)
    with pytest.raises(Stale) if then != "escalate" else pytest.raises(Exception, match="may not decide"):
        approve(job, actor=person())
    assert Approval.objects.get(job_id=job).votes == "[]", "it was refused, and nothing has fired yet"
    stage.worker(ttl=3)
    stage.until(lambda: Approval.objects.get(job_id=job).votes != "[]", "the deadline's decision")
    assert Approval.objects.get(job_id=job).state == state
    if then == "escalate":
        approve(job, actor=person("cleo", groups=("heads",)))
    stage.until_status(job, "completed")
    assert stage.counts(job) == (paid or ([1] if then == "escalate" else []))
