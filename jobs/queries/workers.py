"""Workers, what they offer, and what they are doing for a tenant."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import QuerySet

from .. import clock
from ..core.moments import text
from ..core.state import TOOL
from ..models import Step, Worker


def workers_of(*, alive: bool | None = None) -> QuerySet[Worker]:
    """Worker incarnations, the newest first. They serve every tenant.

    Args:
        alive: only the living, or only the dead; None gives both.
    """
    every = Worker.objects.order_by("-registered_at", "-id")
    living = every.filter(dead=False, alive_until__gt=clock.now())
    if alive is None:
        return every
    return living if alive else every.exclude(pk__in=living.values("pk"))


def offers() -> frozenset[str]:
    """Every `agent@version` that some living worker offers."""
    told = workers_of(alive=True).values_list("offers", flat=True)
    return frozenset(offer for text in told for offer in json.loads(text))


def agents_of(worker: Worker) -> list[str]:
    """The agents, `name@version` each, that a worker has registered."""
    return [offer for offer in json.loads(worker.offers) if not offer.startswith(TOOL)]


def tools_of(worker: Worker) -> list[str]:
    """The tools that a worker has registered."""
    return [offer.removeprefix(TOOL) for offer in json.loads(worker.offers) if offer.startswith(TOOL)]


def workers_json(workers: Sequence[Worker], tenant: str) -> list[dict[str, Any]]:
    """Workers as clients see them; of what they run, only this tenant's part."""
    running: dict[UUID | None, list[dict[str, Any]]] = defaultdict(list)
    steps = Step.objects.filter(worker__in=[each.id for each in workers], tenant=tenant).order_by("id")
    for step in steps:
        running[step.worker].append({"job": str(step.job_id), "node": step.node, "attempt": step.attempt})
    now = clock.now()
    return [_json(each, running[each.id], now) for each in workers]


def _json(worker: Worker, running: list[dict[str, Any]], now: datetime) -> dict[str, Any]:
    return {
        "id": str(worker.id),
        "name": worker.name,
        "host": worker.host,
        "pid": worker.pid,
        "alive": not worker.dead and worker.alive_until > now,
        "draining": worker.draining,
        "registered_at": text(worker.registered_at),
        "alive_until": text(worker.alive_until),
        "slots": worker.slots,
        "capabilities": json.loads(worker.capabilities),
        "offers": agents_of(worker),
        "tools": tools_of(worker),
        "running": running,
    }
