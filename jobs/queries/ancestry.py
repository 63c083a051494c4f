"""Which job comes from which: retries of one origin, forks, children; and what those children landed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from uuid import UUID

from ledger.models import Invocation

from ..bodies import folded
from ..core.past import MODEL, Past, carried
from ..models import Event, Job, Tombstone
from ..tombstones import gone

HAPPENED = ("landed", "unknown", "open", "given_up", "no_answer", "abandoned")  # or may have
SHOWN = 100  # forks of one job


def newest_of(tenant: str, origin: str | UUID) -> Job:
    """The latest job with these idempotency keys: the first one, or the last of its retries."""
    rows = Job.objects.filter(tenant=tenant, origin=origin).defer("goal", "output", "error")
    return rows.order_by("-generation")[:1].get()


def pruned_after(tenant: str, origin: str | UUID, generation: int) -> Tombstone | None:
    """A later retry of the same origin that was pruned: what it did under these keys nobody can tell here any more."""
    rows = Tombstone.objects.filter(tenant=tenant, origin=origin, generation__gt=generation)
    return rows.order_by("-generation").first()


def landed_in_children(past: Past) -> tuple[dict[str, Any], ...]:
    """The calls of a job's children, and of theirs, that a fork's own children may do once more.

    Raises:
        Gone: one of them was pruned, so that nobody can tell.
    """
    kept = carried(past.then)
    asked = [each for path, each in past.now.calls.items() if each.kind == "child" and path not in kept.calls]
    jobs = {UUID(each.info["job"]) for each in asked if "job" in each.info}
    found, wanted = set(jobs), jobs
    while wanted:
        wanted = _children_of(wanted) - found
        found |= wanted
    lost = Tombstone.objects.filter(job_id__in=found).order_by("pruned_at").first()
    if lost is not None:
        raise gone(lost)
    lines = Invocation.objects.filter(job_id__in=found, state__in=HAPPENED).exclude(effect="pure")
    return tuple(
        {
            "invocation": str(line.id), "tool": line.tool, "node": line.node, "key": line.idempotency_key,
            "business_key": line.business_key, "state": "landed" if line.state == "landed" else "unknown",
            "job": str(line.job_id),
        }
        for line in lines.exclude(tool=MODEL).order_by("promised_at", "id")
    )  # fmt: skip


def _children_of(jobs: set[UUID]) -> set[UUID]:
    rows = Event.objects.filter(job_id__in=jobs, type="child_started")
    return {
        UUID(folded(job, tenant, [seq], [body])[0]["job"])
        for job, tenant, seq, body in rows.values_list("job_id", "tenant", "seq", "body")
    }


def forked_from(job: Job) -> dict[str, Any] | None:
    """The job and event that a job comes from, and how."""
    if job.forked_from is None:
        return None
    how = "retry" if job.generation > 1 else "fork"
    return {"job": str(job.forked_from), "seq": job.forked_seq, "how": how}


def forks_of(job: Job) -> list[dict[str, Any]]:
    """The jobs that come from a job, the newest first."""
    rows = Job.objects.filter(tenant=job.tenant, forked_from=job.id).defer("goal", "output", "error")
    return [
        {
            "job": str(row.id),
            "seq": row.forked_seq,
            "how": "retry" if row.generation > 1 else "fork",
            "status": row.status,
        }
        for row in rows.order_by("-created_at", "-id")[:SHOWN]
    ]


def sources_of(job: Job) -> Iterator[Job]:
    """The jobs that a job comes from, near and far, each once: what it was forked from or retries, its parent, its sender.

    A job that was pruned ends the line that leads through it, but for a retry's, of which the first is known.
    """
    seen, wanted = {job.id}, _next_sources([job])
    while wanted := wanted - seen:
        seen |= wanted
        rows = list(Job.objects.filter(tenant=job.tenant, id__in=wanted).defer("goal", "output", "error"))
        yield from rows
        wanted = _next_sources(rows)


def _next_sources(rows: list[Job]) -> set[UUID]:
    told = {id for row in rows for id in (row.parent_job, row.forked_from, row.origin) if id is not None}
    return told | {id for row in rows if row.instance is not None for id in _sender_of(row)}


def _sender_of(row: Job) -> Iterator[UUID]:
    """The job that sent a message to an agent instance: its first event says so."""
    body = Event.objects.filter(job_id=row.id, seq=1).values_list("body", flat=True).first()
    sender = (folded(row.id, row.tenant, [1], [body])[0].get("instance") or {}).get("sender")
    if sender:
        yield UUID(sender["job"])
