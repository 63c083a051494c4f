"""Retention: jobs whose time is over are taken away as the settings say; in slices, and by as many as like."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from time import monotonic
from typing import Any
from uuid import UUID

from django.db.models import Exists, OuterRef, Q, QuerySet

from .. import clock, store
from ..conf import conf
from ..core.commands import Actor
from ..core.errors import Busy, Refused
from ..core.retention import Policy, policies, policy_of
from ..models import Event, Job
from ..queries.jobs import tagged
from ..store import erasure
from .erasing import allowed
from .pruning import taken_away

log = logging.getLogger("aetheris.retention")

SLICE = 20.0  # seconds after which a task hands on to the next one
BATCH = 100  # jobs that are listed at once
SHOWN = 1000  # jobs that an answer lists


@dataclass
class Report:
    """What a look at retention did, or would do."""

    dry_run: bool
    due: list[dict[str, Any]] = field(default_factory=list)
    pruned: int = 0
    erased: int = 0
    refused: int = 0
    more: bool = False

    def to_json(self) -> dict[str, Any]:
        """As the API and the command line show it."""
        return {
            "dry_run": self.dry_run, "pruned": self.pruned, "erased": self.erased, "refused": self.refused,
            "more": self.more, "jobs": self.due[:SHOWN],
        }  # fmt: skip


def known() -> tuple[Policy, ...]:
    """The policies of the settings."""
    return policies(conf().RETENTION)


def retain(
    tenant: str | None = None, *, dry_run: bool = False, seconds: float | None = SLICE, most: int = 10_000
) -> Report:
    """Take away the jobs whose time is over.

    Stopped anywhere, and done again, or by several at once, it leads to the same end: each job goes in one commit.

    Args:
        tenant: of which; None: of all.
        dry_run: only say what would go.
        seconds: how long; None until nothing is left.
        most: how many jobs at most.

    Returns:
        What was done; `more` says whether something is left to do.
    """
    report, over = Report(dry_run), None if seconds is None else monotonic() + seconds
    for policy, row in _due(tenant, clock.database_now()):
        if (over is not None and monotonic() > over) or len(report.due) >= most:
            report.more = True
            break
        _take(report, policy, row)
    return report


def _due(tenant: str | None, now: datetime) -> Iterator[tuple[Policy, Job]]:
    """The jobs whose time is over, those that ended first at the front; each with the policy that holds for it."""
    every = known()
    for policy in every:
        if policy.keep is None:
            continue
        for row in _ended(_of(policy, tenant), now - timedelta(seconds=policy.keep)):
            if policy_of(every, row.agent, json.loads(row.tags), row.status) is policy:
                yield policy, row


def _of(policy: Policy, tenant: str | None) -> QuerySet[Job]:
    rows = Job.objects.filter(finished_at__isnull=False)
    if tenant is not None:
        rows = rows.filter(tenant=tenant)
    if policy.agent is not None:
        rows = rows.filter(agent=policy.agent)
    if policy.status is not None:
        rows = rows.filter(status=policy.status)
    if policy.tag is not None:
        rows = tagged(rows, policy.tag)
    if policy.then == "erase":  # erased already: the last event says so
        last = Event.objects.filter(job_id=OuterRef("id"), seq=OuterRef("head_seq"), type="payload_erased")
        rows = rows.filter(~Exists(last))
    return rows


def _ended(rows: QuerySet[Job], until: datetime) -> Iterator[Job]:
    """Jobs that ended at or before a moment, in the order of their ends, a few at a time."""
    place: tuple[datetime, UUID] | None = None
    while True:
        some = rows.filter(finished_at__lte=until)
        if place is not None:
            some = some.filter(Q(finished_at__gt=place[0]) | Q(finished_at=place[0], id__gt=place[1]))
        found = list(some.order_by("finished_at", "id")[:BATCH])
        yield from found
        if len(found) < BATCH:
            return
        assert found[-1].finished_at is not None
        place = found[-1].finished_at, found[-1].id


def _take(report: Report, policy: Policy, row: Job) -> None:
    told: dict[str, Any] = {"job": str(row.id), "tenant": row.tenant, "policy": policy.said, "then": policy.then,
                            "refused": None}  # fmt: skip
    try:
        if report.dry_run:
            allowed(row)
        elif policy.then == "prune":
            taken_away(row.id, _actor(policy, row.tenant), reason="its time to be kept is over", basis=policy.basis,
                       archive=policy.archive, policy=policy.said)  # fmt: skip
            report.pruned += 1
        else:
            wish = erasure.Wish(
                lambda fact: True, _actor(policy, row.tenant), f"retention: {policy.said}", policy.basis
            )
            report.erased += bool(store.erasure.erase(row.id, wish, allowed).events)
    except Job.DoesNotExist:
        return  # somebody else was faster
    except (Refused, Busy) as refused:
        if not Job.objects.filter(id=row.id).exists():
            return
        report.refused += 1
        told["refused"] = {"code": getattr(refused, "code", "busy"), "message": str(refused)}
        log.info("job %s is kept, though its time is over: %s", row.id, refused)
    report.due.append(told)


def _actor(policy: Policy, tenant: str) -> Actor:
    return Actor(id="retention", name="retention policy", kind="system", tenant=tenant)
