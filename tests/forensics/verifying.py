"""What the tests of verifications share: a tenant of their own with a few jobs, and the verification of all of them."""

from __future__ import annotations

from typing import Any

from forensics import inspection
from forensics.inspection import alarms
from forensics.models import Verification
from jobs.core.commands import Actor
from tests.faces import admin_stage as stage

ANN = inspection.Asker("command", "os:1", "ann")


def jobs_of(tenant: str, count: int = 3) -> list[str]:
    """Jobs of the tenant, the oldest first."""
    who = Actor(id="a", name="a", tenant=tenant)
    return [stage.job(stage.waiting("go"), actor=who) for _ in range(count)]


def verified(tenant: str, **scope: Any) -> Verification:
    """A verification, done."""
    row = inspection.ask(tenant, inspection.Scope(**scope), ANN)
    assert inspection.run(row.id, None) is False
    row.refresh_from_db()
    return row


def found_by(row: Verification) -> list[tuple[str | None, str, str, str]]:
    """Job, kind, table and row of what it has found."""
    return [
        (str(each.job_id) if each.job_id else None, each.kind, each.table, each.row)
        for each in inspection.breakages_of(row)
    ]


def standing(tenant: str) -> set[str]:
    """The subjects of the tenant's alarms that stand."""
    return set(alarms.standing(tenant).values_list("subject", flat=True))
