"""Legal holds as rows: placed, released; never changed, never removed."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from django.db import transaction

from ..archiving import Act, mark
from ..core.commands import Actor
from ..models import Hold, HoldRelease
from ..tombstones import hold_record, release_record
from ..turns import turn
from .gates import freeze


def place(row: Hold, by: Actor) -> Hold:
    """A hold; once this returns nothing that it covers is taken away any more.

    Raises:
        IntegrityError: there is one with its id.
    """
    with turn(), transaction.atomic():
        freeze()
        row.save(force_insert=True)
        mark(
            Act(
                "hold", by, row.tenant, hold_record(row), row.value if row.scope == "job" else "", str(row.id)
            )
        )
        return row


def release(hold: UUID, tenant: str, reason: str, by: Actor, at: datetime) -> HoldRelease:
    """The end of a hold.

    Raises:
        IntegrityError: it has been released before.
    """
    with turn(), transaction.atomic():
        freeze()
        row = HoldRelease.objects.create(
            hold=hold, tenant=tenant, reason=reason, released_by=by.id[:150],
            released_by_name=(by.name or by.id)[:150], released_at=at,
        )  # fmt: skip
        mark(Act("release", by, tenant, release_record(row), "", str(hold)))
        return row
