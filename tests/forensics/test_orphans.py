"""Rows that no job accounts for are found by a verification of everything."""

from __future__ import annotations

from uuid import uuid4

import pytest

from forensics import inspection
from forensics.models import Verification
from jobs import clock
from jobs.core.commands import Actor
from jobs.core.moments import text
from jobs.models import AgentInstance, Blob, Event
from ledger.models import Invocation
from tests.engine.conversing import a_desk
from tests.engine.conversing import row as desk_row
from tests.faces import admin_stage as stage
from tests.forensics.accessing import a_tenant
from tests.forensics.tampering import put, unguarded
from tests.forensics.verifying import ANN, found_by, jobs_of, standing, verified

pytestmark = pytest.mark.usefixtures("here")
EVENTS = "aetheris_jobs_event"


@pytest.mark.parametrize("table", [Event, Invocation])
def test_rows_whose_job_does_not_exist_are_found(table: type[Event]) -> None:
    tenant, nobody = a_tenant(), uuid4()
    jobs_of(tenant, 1)
    who = Actor(id="a", name="a", tenant=tenant)
    job, _ = stage.unknown_call(actor=who)
    with unguarded():
        row = table.objects.filter(job_id=job).order_by("pk")[0]
        table.objects.filter(pk=row.pk).update(job_id=nobody)
        found = verified(tenant)
        assert (str(nobody), "orphan", table._meta.db_table, str(nobody)) in found_by(found)
        assert standing(tenant) == {f"job:{job}", f"{table._meta.db_table}:{nobody}"}
        table.objects.filter(pk=row.pk).update(job_id=job)
        verified(tenant)
        assert standing(tenant) == set()


def test_rows_of_a_tenant_that_has_no_job_are_the_default_tenants_to_find() -> None:
    nobody, nowhere = uuid4(), a_tenant()
    [job] = jobs_of(nowhere, 1)
    with unguarded():
        Event.objects.filter(job_id=job, seq=3).update(job_id=nobody, tenant=a_tenant())
        row = inspection.ask("default", inspection.Scope(), ANN)
        Verification.objects.filter(id=row.id).update(position=f"{text(clock.now())} {uuid4()}")
        inspection.run(row.id, None)
        assert (str(nobody), "orphan", EVENTS, str(nobody)) in found_by(row)


def test_a_part_that_no_event_names_and_an_instance_that_moved_by_itself_are_found() -> None:
    tenant = a_tenant()
    jobs_of(tenant, 1)
    with unguarded():
        Blob.objects.create(tenant=tenant, sha256="a" * 64, text="x")
        desk = a_desk()
        assert found_by(verified(tenant)) == [(None, "orphan", "aetheris_jobs_blob", "a" * 64)]
        AgentInstance.objects.filter(id=desk).update(tenant=tenant)
        assert len(found_by(verified(tenant))) == 1
        put(desk_row(desk), state='{"heard":["forged"]}')
        assert (None, "orphan", "aetheris_jobs_agent", desk) in found_by(verified(tenant))


def test_a_part_that_an_event_names_is_no_orphan() -> None:
    tenant = a_tenant()
    who = Actor(id="a", name="a", tenant=tenant)
    stage.job(stage.waiting("go"), goal={"text": "x" * 100_000}, actor=who)
    assert Blob.objects.filter(tenant=tenant).exists()
    assert verified(tenant).broken == 0
