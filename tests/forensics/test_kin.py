"""A job that is gone with everything it had is still spoken of by the jobs that come from it, and of which it came."""

from __future__ import annotations

from uuid import UUID

import pytest

from forensics.services import verify_job
from jobs.models import Approval, Event, Job, Step
from ledger.models import Invocation
from tests.forensics.cast import CAST
from tests.forensics.tampering import unguarded

pytestmark = pytest.mark.usefixtures("here")


def gone(job: UUID | str) -> None:
    """Take a whole job out of the database, and leave nothing."""
    for model in (Event, Step, Approval, Invocation):
        model._default_manager.filter(job_id=job).delete()
    Job.objects.filter(id=job).delete()


def source_of(job: str) -> UUID:
    source = Job.objects.get(id=job).forked_from
    assert source is not None
    return source


def problem(job: UUID | str) -> tuple[str, int, str, str]:
    found = verify_job(str(job))["problem"]
    assert found is not None
    return found["kind"], found["seq"], found["table"], found["row"]


def test_the_source_of_a_fork_is_missed_by_it() -> None:
    job = CAST["forked_and_parked"]()
    source = source_of(job)
    with unguarded():
        gone(source)
        assert problem(job) == ("provenance", 1, "aetheris_jobs_job", str(source))


def test_a_fork_is_missed_by_its_source() -> None:
    job = CAST["forked_and_parked"]()
    source = source_of(job)
    told = Event.objects.filter(job_id=source, type="job_forked").values_list("seq", flat=True)
    if not told:
        from jobs.services import deliver_due

        deliver_due()
    seq = Event.objects.get(job_id=source, type="job_forked").seq
    with unguarded():
        gone(job)
        assert problem(source) == ("provenance", seq, "aetheris_jobs_job", job)


def test_a_child_that_has_completed_is_missed_by_its_parent_and_the_parent_by_its_child() -> None:
    job = CAST["a_parent_with_its_child"]()
    child = Job.objects.get(parent_job=job).id
    seq = Event.objects.get(job_id=job, type="child_finished").seq
    with unguarded():
        gone(child)
        assert problem(job) == ("provenance", seq, "aetheris_jobs_job", str(child))
    with unguarded():
        gone(job)
        assert problem(child) == ("provenance", 1, "aetheris_jobs_job", job)
