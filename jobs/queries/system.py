"""How the whole is doing: counts that one look at the database gives."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from django.db.models import Count, Max, Min, Q, QuerySet

from ledger.models import Invocation

from .. import clock
from ..core.moments import text
from ..models import Approval, Delivery, Event, Job, Step, Tick
from .jobs import STATUSES, moment
from .workers import workers_of

# How many records stand broken; the app that verifies them adds itself.
BROKEN: list[Callable[[str], int]] = []
AGENDA = ("ready", "running", "backoff", "parked")


def overview(tenant: str) -> dict[str, Any]:
    """A tenant's jobs and inboxes, and the workers that serve everybody."""
    living = list(workers_of(alive=True).values_list("slots", "draining"))
    debts = Delivery.objects.filter(tenant=tenant)
    return {
        "now": text(clock.now()),
        "tenant": tenant,
        "jobs": counts(Job.objects.filter(tenant=tenant), "status", STATUSES),
        "agenda": counts(Step.objects.filter(tenant=tenant), "state", AGENDA),
        "oldest_due": moment(oldest_due(Step.objects.filter(tenant=tenant))),
        "workers": {
            "alive": len(living),
            "draining": sum(draining for _, draining in living),
            "slots": sum(slots for slots, draining in living if not draining),
        },
        "approvals": Approval.objects.filter(tenant=tenant, state="open").count(),
        "unresolved": Invocation.objects.filter(tenant=tenant, state="unknown").count(),
        "deliveries": debts.aggregate(waiting=Count("id"), failing=Count("id", filter=~Q(error=""))),
        "broken_records": sum(count(tenant) for count in BROKEN),
        "tick": moment(last_tick()),
    }


def gauges() -> dict[str, Any]:
    """The same over all tenants, for monitoring."""
    return {
        "jobs": counts(Job.objects.all(), "status", STATUSES),
        "agenda": counts(Step.objects.all(), "state", AGENDA),
        "oldest_due": oldest_due(Step.objects.all()),
        "workers": workers_of(alive=True).count(),
        "approvals": Approval.objects.filter(state="open").count(),
        "unresolved": Invocation.objects.filter(state="unknown").count(),
        "deliveries": Delivery.objects.count(),
        "events": Event.objects.aggregate(last=Max("id"))["last"] or 0,
        "tick": last_tick(),
        "now": clock.now(),
    }


def counts(rows: QuerySet[Any], column: str, known: tuple[str, ...]) -> dict[str, int]:
    """How many rows have each value; zero for the values that none has."""
    found = dict(rows.order_by().values_list(column).annotate(Count("pk")))
    return {name: found.get(name, 0) for name in known}


def oldest_due(steps: QuerySet[Step]) -> datetime | None:
    """Since when the step that has waited longest past its time is due."""
    due = steps.filter(wake_at__lte=clock.now()).exclude(state="running")
    found: datetime | None = due.aggregate(oldest=Min("wake_at"))["oldest"]
    return found


def last_tick() -> datetime | None:
    """When the sweep ended last."""
    found: datetime | None = Tick.objects.aggregate(last=Max("finished_at"))["last"]
    return found
