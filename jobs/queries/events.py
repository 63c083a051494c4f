"""Events as they go over the wire."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db.models import QuerySet

from ..bodies import hydrated
from ..models import Event, Job


def events_of(job: UUID) -> QuerySet[Event]:
    """The events of one job, in order."""
    return Event.objects.filter(job_id=job).order_by("seq")


def wire_events(job: Job, after: int = 0, limit: int = 100, *, raw: bool = False) -> list[dict[str, Any]]:
    """Up to `limit` events behind number `after`.

    Args:
        job: whose.
        after: the last number that the caller has.
        limit: how many at most.
        raw: also give the stored text, byte for byte.
    """
    return wire(list(events_of(job.id).filter(seq__gt=after)[:limit]), job.tenant, raw=raw)


def wire(rows: list[Event], tenant: str, *, raw: bool = False) -> list[dict[str, Any]]:
    """Rows as wire events. An erased body is null, and so is its salt; its digest stays."""
    bodies = hydrated([row.body for row in rows], tenant)
    return [_one(row, body, raw=raw) for row, body in zip(rows, bodies, strict=True)]


def _one(row: Event, body: dict[str, Any] | None, *, raw: bool) -> dict[str, Any]:
    event = {
        "job": str(row.job_id),
        "seq": row.seq,
        "type": row.type,
        "node": row.node,
        "at": row.at,
        "body": body,
        "salt": row.salt,
        "digest": row.digest,
        "prev": row.prev,
        "hash": row.hash,
    }
    return {**event, "raw": row.body} if raw else event
