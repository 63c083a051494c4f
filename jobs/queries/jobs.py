"""Jobs of a tenant, and one job as clients see it."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import QuerySet, Value
from django.db.models.functions import StrIndex

from ..core.chain import canonical
from ..core.errors import NotFound
from ..core.moments import text
from ..models import Job
from ..tombstones import refuse_gone
from .ancestry import forked_from

STATUSES = ("pending", "running", "parked", "paused", "completed", "failed", "cancelled")
ENDED = ("completed", "failed", "cancelled")


def moment(at: datetime | None) -> str | None:
    """A column's time as RFC 3339 text."""
    return text(at) if at is not None else None


def jobs_of(tenant: str) -> QuerySet[Job]:
    """Every job of a tenant."""
    return Job.objects.filter(tenant=tenant)


def tagged(jobs: QuerySet[Job], tag: str) -> QuerySet[Job]:
    """Those that carry a tag. Tags are stored as JSON text; a quoted tag in it is that tag."""
    return jobs.annotate(tag_at=StrIndex("tags", Value(canonical(tag)))).filter(tag_at__gt=0)


def job_for(tenant: str, job: str | UUID) -> Job:
    """One job.

    Raises:
        NotFound: there is none, or it belongs to another tenant: nobody can tell which. Gone: it was pruned.
    """
    try:
        found = jobs_of(tenant).filter(id=UUID(str(job))).first()
    except ValueError:
        found = None
    if found is None:
        refuse_gone(tenant, job)
        raise NotFound(f"there is no job {job}")
    return found


def job_json(job: Job) -> dict[str, Any]:
    """A job as clients see it."""
    parent = {"job": str(job.parent_job), "node": job.parent_node} if job.parent_job else None
    return {
        "id": str(job.id),
        "agent": job.agent,
        "version": job.version,
        "status": job.status,
        "outcome": job.outcome,
        "parked_on": json.loads(job.parked_on),
        "goal": json.loads(job.goal),
        "output": _maybe(job.output),
        "error": _maybe(job.error),
        "requester": {"id": job.requester, "name": job.requester_name or job.requester},
        "tags": json.loads(job.tags),
        "priority": job.priority,
        "on_failure": job.on_failure,
        "compensation": _maybe(job.compensation),
        "origin": str(job.origin),
        "generation": job.generation,
        "forked_from": forked_from(job),
        "parent": parent,
        "instance": str(job.instance) if job.instance else None,
        "created_at": text(job.created_at),
        "updated_at": text(job.updated_at),
        "finished_at": moment(job.finished_at),
        "head": {"seq": job.head_seq, "hash": job.head_hash},
    }


def _maybe(stored: str | None) -> Any:
    return json.loads(stored) if stored is not None else None
