"""Legal holds: which stand, and which of them cover a job."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db.models import Exists, OuterRef, QuerySet

from ..core.chain import canonical
from ..core.errors import Illegal
from ..core.moments import parse, text
from ..models import Hold, HoldRelease, Job
from .ancestry import sources_of

SCOPES = ("job", "tag", "agent", "requester", "query")
# What a query may ask of a job; every given word must hold.
TERMS = ("agent", "version", "status", "tag", "requester", "since", "until")


def standing(tenant: str) -> QuerySet[Hold]:
    """The holds of a tenant that have not been released."""
    released = HoldRelease.objects.filter(hold=OuterRef("id"))
    return Hold.objects.filter(~Exists(released), tenant=tenant)


@dataclass(frozen=True)
class Cover:
    """A hold that covers a job.

    Args:
        hold: it.
        through: the job that it is about, where this one only comes from that; None: it is about this one.
    """

    hold: Hold
    through: UUID | None = None


def holds_of(job: Job, known: QuerySet[Hold] | list[Hold] | None = None) -> list[Hold]:
    """The holds that stand and cover a job, the oldest first; for the arguments see `covering`."""
    return [each.hold for each in covering(job, known)]


def covering(job: Job, known: QuerySet[Hold] | list[Hold] | None = None) -> list[Cover]:
    """The holds that stand and cover a job, the oldest first: those about it, and those about a job that it comes from.

    What a held job has given to its forks, retries, children and messages is held there too, near or far.

    Args:
        job: its row.
        known: the standing holds of its tenant, where the caller has read them.
    """
    rows = list(standing(job.tenant) if known is None else known)
    found: dict[UUID, Cover] = {}
    line = sources_of(job) if rows else iter(())
    for each in (job, *line):
        through = None if each is job else each.id
        for hold in rows:
            if hold.id not in found and covers(hold, each):
                found[hold.id] = Cover(hold, through)
    return sorted(found.values(), key=lambda cover: (cover.hold.placed_at, cover.hold.id))


def covers(hold: Hold, job: Job) -> bool:
    """Whether a hold is about this very job."""
    match hold.scope:
        case "job":
            return hold.value == str(job.id)
        case "query":
            asked: Mapping[str, str] = json.loads(hold.value)
            return all(_meets(job, word, value) for word, value in asked.items())
    return _meets(job, hold.scope, hold.value)


def _meets(job: Job, word: str, value: str) -> bool:
    match word:
        case "tag":
            return value in json.loads(job.tags)
        case "requester":
            return value in (job.requester, job.requester_name)
        case "since":
            return job.created_at >= parse(value)
        case "until":
            return job.created_at < parse(value)
    return bool(getattr(job, word) == value)


def refuse_held(job: Job, known: QuerySet[Hold] | list[Hold] | None = None) -> None:
    """Refuse to take anything away from a job that a hold covers.

    Args:
        job: its row.
        known: the standing holds of its tenant, where the caller has read them.

    Raises:
        Illegal: naming the holds.
    """
    found = covering(job, known)
    if found:
        first, through = found[0].hold, found[0].through
        comes = f", which covers it because it comes from job {through}" if through else ""
        case = f", {first.reference}" if first.reference else ""
        raise Illegal(
            f"job {job.id} is under legal hold {first.id} ({first.scope} {first.value}{case}, placed by "
            f"{first.placed_by_name}: {first.reason}){comes}; nothing of it is taken away until the hold is released",
            code="legal_hold",
            holds=[str(each.hold.id) for each in found],
        )


def hold_json(hold: Hold, release: HoldRelease | None, through: UUID | None = None) -> dict[str, Any]:
    """A hold as clients see it; `through` is the job by which it covers the one that was asked about."""
    return {
        "id": str(hold.id),
        "scope": hold.scope,
        "value": json.loads(hold.value) if hold.scope == "query" else hold.value,
        "reason": hold.reason,
        "reference": hold.reference,
        "through": str(through) if through else None,
        "placed_by": {"id": hold.placed_by, "name": hold.placed_by_name},
        "placed_at": text(hold.placed_at),
        "released": _released(release),
    }


def _released(release: HoldRelease | None) -> dict[str, Any] | None:
    if release is None:
        return None
    return {
        "reason": release.reason,
        "by": {"id": release.released_by, "name": release.released_by_name},
        "at": text(release.released_at),
    }


def with_releases(holds: list[Hold]) -> Iterator[dict[str, Any]]:
    """Holds as clients see them, each with its release."""
    releases = {row.hold: row for row in HoldRelease.objects.filter(hold__in=[each.id for each in holds])}
    return (hold_json(each, releases.get(each.id)) for each in holds)


def stored(value: Any) -> str:
    """The value of a scope as a row keeps it."""
    return value if isinstance(value, str) else canonical(value)
