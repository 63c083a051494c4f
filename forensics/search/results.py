"""What a search found, as clients see it: one shape for events, jobs, effects and approvals."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any
from uuid import UUID

from django.db.models import Q

from jobs.bodies import ASIDE, parsed
from jobs.core.events import Fact
from jobs.core.moments import text
from jobs.models import Approval, Event, Job
from jobs.queries.summaries import summary
from ledger.models import Invocation

from ..record import UNREADABLE
from .lanes import Key

Row = dict[str, Any]


def rows_of(of: str, tenant: str, keys: Sequence[Key]) -> list[Row]:
    """The rows of a page in its order; one that has gone meanwhile (with its whole job) is left out.

    Returns:
        `{of, id, job, agent, version, status, node, seq, at, what, state, summary}` each: `what` is the event's type, the
        tool, the question, or the agent; `status` that of the job; `state` that of the row itself.
    """
    found = _LOADERS[of](tenant, keys)
    jobs = {
        job.id: job for job in Job.objects.filter(id__in={UUID(row["job"]) for row in found}).only(*_OF_JOB)
    }
    return [_with_job(row, jobs.get(UUID(row["job"]))) for row in found]


_OF_JOB = ("id", "agent", "version", "status")


def _with_job(row: Row, job: Job | None) -> Row:
    told = {name: getattr(job, name) if job else "" for name in ("agent", "version", "status")}
    return {**row, **told}


def _events(tenant: str, keys: Sequence[Key]) -> list[Row]:
    wanted: dict[UUID, list[int]] = defaultdict(list)
    for _, job, seq in keys:
        wanted[job].append(seq)
    where = Q(pk__in=[])
    for job, seqs in wanted.items():
        where |= Q(job_id=job, seq__in=seqs)
    rows = list(Event.objects.filter(where, tenant=tenant))
    bodies = _bodies(rows, tenant)
    made = {(row.job_id, row.seq): _event(row, body) for row, body in zip(rows, bodies, strict=True)}
    return [made[job, seq] for _, job, seq in keys if (job, seq) in made]


def _bodies(rows: Sequence[Event], tenant: str) -> list[Any]:
    """The bodies, read; where somebody has spoiled one, all but that: verification says where it is."""
    try:
        return list(parsed([row.body for row in rows], tenant))
    except UNREADABLE:
        return [_read(row.body) for row in rows]


def _read(body: str | None) -> Any:
    try:
        found = json.loads(body or "{}")
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) and ASIDE not in found else None


def _event(row: Event, body: Any) -> Row:
    fact = Fact(row.type, row.node, body or {}, row.seq, row.at)
    return _row("events", f"{row.job_id}#{row.seq}", row, at=row.at, what=row.type, seq=row.seq,
                state="erased" if row.body is None else "", summary=_said(fact))  # fmt: skip


def _said(fact: Fact) -> str:
    try:
        return summary(fact)
    except UNREADABLE:  # its body is not what its type has
        return fact.type


def _row(of: str, id: Any, row: Any, **more: Any) -> Row:
    first = {
        "of": of,
        "id": str(id),
        "job": str(getattr(row, "job_id", id)),
        "node": getattr(row, "node", ""),
    }
    return {**first, "seq": None, "state": "", **more}


def _jobs(tenant: str, keys: Sequence[Key]) -> list[Row]:
    def told(job: Job) -> Row:
        said = f"{job.agent}@{job.version} for {job.requester_name or job.requester}"
        outcome = f": {job.outcome}" if job.outcome and job.outcome != job.status else ""
        return _row("jobs", job.id, job, at=text(job.created_at), what=job.agent, state=job.outcome,
                    summary=f"{said}, {job.status}{outcome}")  # fmt: skip

    return _in_order(Job.objects.filter(tenant=tenant), keys, told)


def _effects(tenant: str, keys: Sequence[Key]) -> list[Row]:
    def told(line: Invocation) -> Row:
        key = line.business_key or line.idempotency_key
        return _row("effects", line.id, line, at=text(line.promised_at), what=line.tool, state=line.state,
                    summary=f"{line.tool} [{key}] ({line.effect}): {line.state}, attempt {line.attempt}")  # fmt: skip

    return _in_order(Invocation.objects.filter(tenant=tenant), keys, told)


def _approvals(tenant: str, keys: Sequence[Key]) -> list[Row]:
    def told(row: Approval) -> Row:
        return _row("approvals", row.id, row, at=text(row.requested_at), what=row.question[:200], state=row.state,
                    summary=f"{row.question[:200]}: {row.state}")  # fmt: skip

    return _in_order(Approval.objects.filter(tenant=tenant), keys, told)


def _in_order(rows: Any, keys: Iterable[Key], told: Callable[[Any], Row]) -> list[Row]:
    ids = [key[-1] for key in keys]
    found = {row.pk: row for row in rows.filter(pk__in=ids)}
    return [told(found[each]) for each in ids if each in found]


_LOADERS: Mapping[str, Callable[[str, Sequence[Key]], list[Row]]] = {
    "events": _events, "jobs": _jobs, "effects": _effects, "approvals": _approvals,
}  # fmt: skip
