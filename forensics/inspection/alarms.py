"""Alarms: records that stand broken. One is raised where a break is found, and falls when the record is found whole."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import F, Q, QuerySet
from django.dispatch import Signal

from jobs import clock
from jobs.core.moments import text
from jobs.queries.stuck import SOURCES
from jobs.queries.system import BROKEN

from ..models import Alarm
from ..proof import Break

log = logging.getLogger("aetheris.verification")

broken = (
    Signal()
)  # broken.send(sender, tenant=…, job=… or None, broken=Break): a record has newly been found broken
EACH = 100


@dataclass(frozen=True)
class Finding:
    """A break and whose it is; `job` is None where it belongs to no job."""

    tenant: str
    job: UUID | None
    broken: Break

    @property
    def subject(self) -> str:
        """What is broken: the name under which an alarm stands."""
        if self.job is not None and self.broken.kind != "orphan":
            return f"job:{self.job}"
        return f"{self.broken.table}:{self.broken.row}"[:120]

    def columns(self) -> dict[str, Any]:
        """The columns of a place."""
        each = self.broken
        return {
            "tenant": self.tenant, "job_id": self.job, "kind": each.kind, "seq": _stored(each.seq),
            "table": each.table[:64], "row": each.row[:255], "column": each.column[:64], "message": _clean(each.message),
        }  # fmt: skip


def _stored(seq: object) -> int:
    """A number that a column takes, whatever somebody has put in the place of one."""
    return seq if isinstance(seq, int) and abs(seq) < 2**63 else 0


def _clean(message: str) -> str:
    """A message as both databases store it: it may repeat what somebody has forged."""
    return message.replace("\x00", "?").encode("utf-8", "replace").decode("utf-8")[:2000]


def raise_for(findings: Sequence[Finding], verification: UUID | None = None) -> int:
    """Raise the alarm for what was found.

    Args:
        findings: at most one for a subject.
        verification: that found it.

    Returns:
        How many alarms are new. Each is logged, and told to the listeners of `broken`.
    """
    now, new = clock.now(), 0
    for each in findings:
        told = {**each.columns(), "verification": verification, "found_at": now}
        rows = Alarm.objects.filter(tenant=each.tenant, subject=each.subject)
        if rows.filter(cleared_at__isnull=True).update(**told):
            continue
        if not rows.update(**told, first_at=now, cleared_at=None):
            Alarm.objects.bulk_create(
                [Alarm(subject=each.subject, first_at=now, **told)], ignore_conflicts=True
            )
        new += 1
        log.error("the record of %s is broken: %s (%s)", each.subject, each.broken.message, each.broken.kind)
        broken.send_robust(sender=Alarm, tenant=each.tenant, job=each.job, broken=each.broken)
    return new


def note(tenant: str, job: UUID, found: Break | None, *, whole: bool) -> None:
    """Note what a look at one job has found; `whole`: the look was at all of it, so that its alarm may fall."""
    if found is not None:
        raise_for([Finding(tenant, job, found)])
    elif whole:
        clear(tenant, [job])


def clear(tenant: str, jobs: Iterable[UUID]) -> None:
    """Let the alarms of these jobs fall: their records have been found whole."""
    subjects = [f"job:{job}" for job in jobs]
    if subjects:
        standing(tenant).filter(subject__in=subjects).update(cleared_at=clock.now())


def clear_unfound(tenant: str, begun: datetime) -> None:
    """After a verification of everything: let those alarms fall about rows without a job that it has not found again."""
    jobless = Q(job_id__isnull=True) | Q(kind="orphan")
    standing(tenant).filter(jobless, found_at__lt=begun).update(cleared_at=clock.now())


def standing(tenant: str | None = None) -> QuerySet[Alarm]:
    """The alarms that stand; of every tenant if None."""
    rows = Alarm.objects.filter(cleared_at__isnull=True)
    return rows if tenant is None else rows.filter(tenant=tenant)


def count(tenant: str) -> int:
    """How many of a tenant stand."""
    return standing(tenant).count()


def connect() -> None:
    """Tell of what stands broken where people look: in the overview, and among what is stuck."""
    if count not in BROKEN:
        BROKEN.append(count)
    if stuck_words not in SOURCES:
        SOURCES.append(stuck_words)


def stuck_words(tenant: str) -> list[dict[str, Any]]:
    """The alarms that stand, as `/api/system/stuck` tells them."""
    rows = standing(tenant).order_by(F("found_at").desc(), "id")[:EACH]
    return [
        {
            "cause": "broken_record", "job": str(row.job_id) if row.job_id else None, "node": "",
            "since": text(row.first_at), "why": row.message, "advice": _advice(row),
        }
        for row in rows
    ]  # fmt: skip


def _advice(row: Alarm) -> str:
    again = (
        f"`aetheris verify {row.job_id}`"
        if row.job_id and row.kind != "orphan"
        else "`aetheris verify --all`"
    )
    return f"keep a copy of the database, read docs/verification.md, then {again}"
