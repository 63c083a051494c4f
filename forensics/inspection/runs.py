"""Verifications as rows: asked for, listed, cancelled, found again by whoever does them next."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from django.db import IntegrityError, transaction
from django.db.models import Max, Q, QuerySet, Sum

from jobs import clock
from jobs.core.chain import digest_of
from jobs.core.errors import Illegal, KeyReused, NotFound
from jobs.core.moments import text
from jobs.turns import turn

from ..models import Breakage, Verification
from ..models.verifying import AT_WORK
from . import alarms
from .scope import Scope


@dataclass(frozen=True)
class Asker:
    """Who asks for a verification: by value, and by which way."""

    source: str  # api, admin, command, nightly
    id: str
    name: str


def ask(tenant: str, scope: Scope, asker: Asker, key: str | None = None, said: Any = None) -> Verification:
    """Ask for a verification.

    Args:
        tenant: whose jobs.
        scope: which of them.
        asker: who asks.
        key: the same key and request give the same verification.
        said: the request as it was put, where the scope depends on the moment; the scope itself if None.

    Returns:
        The row; a worker is yet to be told.

    Raises:
        Invalid: the scope can hold no job.
        KeyReused: the key was used for another request.
    """
    scope.checked()
    digest = digest_of(scope.to_json() if said is None else said)
    found = _known(tenant, digest, key)
    if found is not None:
        return found
    row = Verification(
        id=uuid4(), tenant=tenant, source=asker.source, requester=asker.id[:150], requester_name=asker.name[:150],
        scope=scope.stored(), idempotency_key=key, request_digest=digest, created_at=clock.now(), total=scope.jobs(tenant).count(),
    )  # fmt: skip
    try:
        with turn(), transaction.atomic():
            row.save(force_insert=True)
    except IntegrityError:
        found = _known(tenant, digest, key)
        if found is None:
            raise
        return found
    return row


def _known(tenant: str, digest: str, key: str | None) -> Verification | None:
    found = (
        Verification.objects.filter(tenant=tenant, idempotency_key=key).first() if key is not None else None
    )
    if found is not None and found.request_digest != digest:
        raise KeyReused(
            f"the idempotency key {key!r} was used for verification {found.id} with another request; "
            "use a new key for a new request"
        )
    return found


def verifications_of(tenant: str) -> QuerySet[Verification]:
    """The verifications of a tenant."""
    return Verification.objects.filter(tenant=tenant)


def verification_for(tenant: str, key: UUID) -> Verification:
    """One verification.

    Raises:
        NotFound: there is none, or another tenant's.
    """
    found = verifications_of(tenant).filter(id=key).first()
    if found is None:
        raise NotFound(f"there is no verification {key}")
    return found


def breakages_of(verification: Verification) -> QuerySet[Breakage]:
    """What a verification has found so far, in the order of finding."""
    return Breakage.objects.filter(verification=verification.id).order_by("id")


def cancel(row: Verification) -> None:
    """Ask no further: what it has looked at stays counted.

    Raises:
        Illegal: it has ended.
    """
    with turn():
        ended = Verification.objects.filter(id=row.id, state__in=AT_WORK).update(
            state="cancelled", finished_at=clock.now(), claimed_until=None
        )
    if not ended:
        raise Illegal(
            f"verification {row.id} has ended; there is nothing to cancel", code="verification_ended"
        )


def free() -> Q:
    """Verifications that are to go on and that nobody is at."""
    return Q(state__in=AT_WORK) & (Q(claimed_until__isnull=True) | Q(claimed_until__lt=clock.database_now()))


def waiting() -> list[UUID]:
    """The ids of those, the oldest first."""
    return list(Verification.objects.filter(free()).order_by("created_at").values_list("id", flat=True)[:100])


def verified_at(tenant: str) -> datetime | None:
    """When everything of a tenant was last verified to the end."""
    done = verifications_of(tenant).filter(state="done", scope=Scope().stored())
    last: datetime | None = done.aggregate(last=Max("finished_at"))["last"]
    return last


def figures() -> dict[str, float]:
    """Over all tenants: records that stand broken, events looked at, seconds since everything was verified last."""
    done = Verification.objects.filter(state="done", scope=Scope().stored())
    last: datetime | None = done.aggregate(last=Max("finished_at"))["last"]
    events = Verification.objects.aggregate(events=Sum("events"))["events"]
    ago = max(0.0, (clock.now() - last).total_seconds()) if last else -1.0
    return {"broken": float(alarms.standing().count()), "events": float(events or 0), "ago": ago}


def verification_json(row: Verification) -> dict[str, Any]:
    """A verification as clients see it."""
    return {
        "id": str(row.id),
        "scope": Scope.of(row.scope).to_json(),
        "state": row.state,
        "source": row.source,
        "requester": {"id": row.requester, "name": row.requester_name or row.requester},
        "total": row.total,
        "jobs": row.jobs,
        "events": row.events,
        "broken": row.broken,
        "seconds": round(row.seconds, 3),
        "rate": round(row.events / row.seconds, 1) if row.seconds > 0 else None,
        "problem": row.problem,
        "created_at": text(row.created_at),
        "started_at": text(row.started_at) if row.started_at else None,
        "finished_at": text(row.finished_at) if row.finished_at else None,
    }


def breakage_json(row: Breakage) -> dict[str, Any]:
    """A break as clients see it."""
    return {
        "job": str(row.job_id) if row.job_id else None,
        "kind": row.kind,
        "seq": row.seq,
        "table": row.table,
        "row": row.row,
        "column": row.column,
        "message": row.message,
        "found_at": text(row.found_at),
    }
