"""Which jobs a verification looks at: everything of a tenant, or by time, agent and status; one after the other."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import Q, QuerySet

from jobs.core.chain import canonical
from jobs.core.errors import Invalid
from jobs.core.moments import parse, text
from jobs.models import Job
from jobs.queries.jobs import STATUSES


@dataclass(frozen=True)
class Scope:
    """Which jobs; empty: all of them, and rows that belong to none.

    Args:
        since: created then or later, as event time.
        until: created before then.
        agent: exactly this agent.
        status: exactly this status.
    """

    since: str = ""
    until: str = ""
    agent: str = ""
    status: str = ""

    @classmethod
    def of(cls, stored: str) -> Scope:
        """The scope that a row keeps."""
        return cls(**json.loads(stored))

    def to_json(self) -> dict[str, str]:
        return {name: value for name, value in asdict(self).items() if value}

    @property
    def everything(self) -> bool:
        return not self.to_json()

    def stored(self) -> str:
        """As a row keeps it."""
        return canonical(self.to_json())

    def checked(self) -> Scope:
        """The same.

        Raises:
            Invalid: it cannot hold any job.
        """
        if self.status and self.status not in STATUSES:
            raise _refused("status", f"{self.status!r} is none of {', '.join(STATUSES)}")
        if self.since and self.until and self.since >= self.until:
            raise _refused("until", f"{self.until} is not after {self.since}")
        return self

    def jobs(self, tenant: str) -> QuerySet[Job]:
        """The jobs of a tenant that it holds."""
        asked: Mapping[str, Any] = {
            "created_at__gte": parse(self.since) if self.since else None,
            "created_at__lt": parse(self.until) if self.until else None,
            "agent": self.agent or None,
            "status": self.status or None,
        }
        return Job.objects.filter(tenant=tenant, **{name: value for name, value in asked.items() if value})


@dataclass(frozen=True)
class Next:
    """A job that is to be looked at."""

    id: UUID
    created_at: datetime
    head_seq: int

    @property
    def position(self) -> str:
        """The place behind this job."""
        return f"{text(self.created_at)} {self.id}"


def following(jobs: QuerySet[Job], position: str, most: int) -> list[Next]:
    """The next jobs behind a position, in the order of their creation."""
    if position:
        at, _, id = position.partition(" ")
        jobs = jobs.filter(Q(created_at__gt=parse(at)) | Q(created_at=parse(at), id__gt=UUID(id)))
    rows = jobs.order_by("created_at", "id").values_list("id", "created_at", "head_seq")[:most]
    return [Next(*row) for row in rows]


def _refused(name: str, message: str) -> Invalid:
    return Invalid(f"{name}: {message}", errors=[{"loc": [name], "msg": message}])
