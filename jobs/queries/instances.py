"""Agent instances of a tenant, and how each stands: derived from the job whose turn it is and the one before."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.db.models import Count, F, Min, QuerySet

from ..core.errors import NotFound
from ..core.moments import text
from ..models import AgentInstance, Job
from .jobs import moment

STATUSES = ("idle", "running", "waiting", "parked", "paused", "failed", "deleted")


def instances_of(tenant: str) -> QuerySet[AgentInstance]:
    """Every instance of a tenant, also those that are deleted."""
    return AgentInstance.objects.filter(tenant=tenant)


def instance_for(tenant: str, key: str | UUID) -> AgentInstance:
    """One instance by its id, or a living one by its name.

    Raises:
        NotFound: there is none, or it is another tenant's.
    """
    rows = instances_of(tenant)
    try:
        found = rows.filter(id=UUID(str(key))).first()
    except ValueError:
        found = rows.filter(name=str(key), deleted_at__isnull=True).first()
    if found is None:
        raise NotFound(f"there is no agent instance {key}; `aetheris agents` lists them")
    return found


def instances_json(rows: Sequence[AgentInstance]) -> list[dict[str, Any]]:
    """Instances as clients see them."""
    wanted = {job for row in rows for job in (row.current, row.last_job) if job is not None}
    jobs = {
        job.id: job for job in Job.objects.filter(id__in=wanted).defer("goal", "output", "parked_on", "error")
    }
    waiting = Job.objects.filter(instance__in=[row.id for row in rows], line_at__isnull=False)
    called = [row.current for row in rows if row.current is not None]
    lines = waiting.exclude(id__in=called).order_by().values("instance")
    counted = lines.annotate(count=Count("id"), next=Min(F("line_at")))
    queues: dict[Any, dict[str, Any]] = {each["instance"]: dict(each) for each in counted}
    return [_json(row, jobs, queues.get(row.id, {})) for row in rows]


def instance_json(row: AgentInstance) -> dict[str, Any]:
    """One instance as clients see it."""
    return instances_json([row])[0]


def _json(row: AgentInstance, jobs: dict[UUID, Job], queue: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": str(row.id),
        "name": row.name,
        "agent": row.agent,
        "version": row.version or None,
        "status": status_of(row, _among(jobs, row.current), _among(jobs, row.last_job), waiting=bool(queue)),
        "queue": queue.get("count", 0),
        "next_due": moment(queue.get("next")),
        "current_job": str(row.current) if row.current else None,
        "last_job": str(row.last_job) if row.last_job else None,
        "created_at": text(row.created_at),
        "created_by": row.created_by,
        "heard_at": text(row.heard_at),
        "paused_at": moment(row.paused_at),
        "deleted_at": moment(row.deleted_at),
    }


def _among(jobs: dict[UUID, Job], job: UUID | None) -> Job | None:
    return jobs.get(job) if job is not None else None


def status_of(row: AgentInstance, current: Job | None, last: Job | None, *, waiting: bool) -> str:
    """How an instance stands.

    Args:
        row: the instance.
        current: the job whose turn it is.
        last: the job that ended last.
        waiting: whether messages wait for their turn or their time.
    """
    if row.deleted_at is not None:
        return "deleted"
    if current is not None and current.turn is None:  # called up, and not yet awake
        return "waiting"
    if current is not None:
        return current.status if current.status in ("parked", "paused") else "running"
    if row.paused_at is not None:
        return "paused"
    if waiting:
        return "waiting"
    return "failed" if last is not None and last.status == "failed" else "idle"


def state_json(row: AgentInstance) -> dict[str, Any]:
    """What an instance has kept, and of which job it is."""
    return {"id": str(row.id), "state": json.loads(row.state), "after": str(row.kept) if row.kept else None}
