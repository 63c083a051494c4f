"""Small jobs are verified together, in one snapshot and with the queries of one: the verdicts are the same."""

from __future__ import annotations

from uuid import UUID

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from forensics import inspection
from forensics.inspection import working
from jobs.models import Event, Job
from tests.forensics.accessing import a_tenant
from tests.forensics.cast import CAST
from tests.forensics.tampering import unguarded
from tests.forensics.verifying import found_by, jobs_of, verified

pytestmark = pytest.mark.usefixtures("here")


def test_small_jobs_are_read_together_with_as_many_queries_as_one() -> None:
    tenant = a_tenant()
    ids = [UUID(job) for job in jobs_of(tenant, 8)]
    asked = []
    for some in (ids[:1], ids[:4], ids):
        with CaptureQueriesContext(connection) as queries:
            found = inspection.inspect_many(some)
        assert [each.job for each in found] == [str(job) for job in some]
        assert all(each.ok for each in found)
        asked.append(len(queries))
    assert asked[0] == asked[1] == asked[2]


def test_jobs_of_every_shape_are_judged_alike_together_and_alone() -> None:
    ids = [UUID(make()) for make in CAST.values()]
    with unguarded():
        Event.objects.filter(job_id=ids[3], seq=2).delete()
        Event.objects.filter(job_id=ids[5]).delete()
        Event.objects.filter(job_id=ids[6], seq=3).update(tenant="stranger")
        Job.objects.filter(id=ids[7]).update(outcome="forged")
        alone = [inspection.inspect(job) for job in ids]
        assert inspection.inspect_many(ids) == alone
        assert sum(not each.ok for each in alone) >= 4


def test_one_job_that_cannot_be_read_keeps_no_other_from_being_looked_at(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    tenant = a_tenant()
    jobs = jobs_of(tenant, 3)

    def chokes(some: object) -> object:
        raise ValueError("a forged id")

    monkeypatch.setattr(working, "inspect_many", chokes)
    Job.objects.filter(id=jobs[1]).update(outcome="forged")
    row = verified(tenant)
    assert (row.jobs, [job for job, *_ in found_by(row)]) == (3, [jobs[1]])
