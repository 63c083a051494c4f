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
from ..actors import require
from ..conf import conf
from ..core.commands import Actor
from ..core.errors import Busy, Invalid, Refused
from ..core.moments import parse, text
from ..core.retention import Policy, policies, policy_of
from ..models import Event, Hold, Job
from ..queries import holds
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
    next: str = ""  # where to go on

    def to_json(self) -> dict[str, Any]:
        """As the API and the command line show it."""
        return {
            "dry_run": self.dry_run, "pruned": self.pruned, "erased": self.erased, "refused": self.refused,
            "more": self.more, "next": self.next, "jobs": self.due[:SHOWN],
        }  # fmt: skip


def known() -> tuple[Policy, ...]:
    """The policies of the settings."""
    return policies(conf().RETENTION)


def retain(
    tenant: str | None = None,
    *,
    dry_run: bool = False,
    seconds: float | None = SLICE,
    most: int = 10_000,
    after: str = "",
) -> Report:
    """Take away the jobs whose time is over.

    Stopped anywhere, and done again, or by several at once, it leads to the same end: each job goes in one commit.

    Args:
        tenant: of which; None: of all.
        dry_run: only say what would go.
        seconds: how long; None until nothing is left.
        most: how many jobs at most.
        after: go on behind the jobs that an earlier call has seen: its `next`.

    Returns:
        What was done; `more` says whether something is left to do.

    Raises:
        Invalid: `after` is nothing that a call has given.
    """
    report, over = Report(dry_run), None if seconds is None else monotonic() + seconds
    held = _Held()
    for place, policy, row in _due(tenant, clock.database_now(), _Place.of(after)):
        if (over is not None and monotonic() > over) or len(report.due) >= most:
            report.more = True
            break
        _take(report, policy, row, held)
        report.next = str(place)
    return report


def may_retain(actor: Actor) -> None:
    """Refuse whoever may not have the policies applied.

    Raises:
        NotAllowed: the permission to prune is missing.
    """
    require(actor, "prune")


@dataclass(frozen=True)
class _Place:
    """A place in the list of what is due: the policy's number, the end of a job and its id."""

    policy: int = 0
    end: tuple[datetime, UUID] | None = None

    def __str__(self) -> str:
        return f"{self.policy}/{text(self.end[0])}/{self.end[1]}" if self.end else ""

    @classmethod
    def of(cls, given: str) -> _Place:
        if not given:
            return cls()
        try:
            number, at, job = given.split("/")
            return cls(int(number), (parse(at), UUID(job)))
        except ValueError:
            raise Invalid(
                f"after: {given[:80]!r} is no place that retention has given", code="bad_place"
            ) from None


class _Held:
    """The standing holds of each tenant, read once: jobs that are held may be many, and are passed by quickly.

    One that is placed meanwhile is seen where it counts, in the transaction that takes a job away.
    """

    def __init__(self) -> None:
        self._known: dict[str, list[Hold]] = {}

    def refuse(self, row: Job) -> None:
        if row.tenant not in self._known:
            self._known[row.tenant] = list(holds.standing(row.tenant))
        holds.refuse_held(row, self._known[row.tenant])


def _due(tenant: str | None, now: datetime, after: _Place) -> Iterator[tuple[_Place, Policy, Job]]:
    """The jobs whose time is over, those that ended first at the front; each with the policy that holds for it."""
    every = known()
    for number, policy in enumerate(every):
        if policy.keep is None or number < after.policy:
            continue
        begin = after.end if number == after.policy else None
        for row in _ended(_of(policy, tenant), now - timedelta(seconds=policy.keep), begin):
            if policy_of(every, row.agent, json.loads(row.tags), row.status) is policy:
                assert row.finished_at is not None
                yield _Place(number, (row.finished_at, row.id)), policy, row


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


def _ended(rows: QuerySet[Job], until: datetime, place: tuple[datetime, UUID] | None = None) -> Iterator[Job]:
    """Jobs that ended at or before a moment, in the order of their ends, a few at a time; behind a place."""
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


def _take(report: Report, policy: Policy, row: Job, held: _Held) -> None:
    told: dict[str, Any] = {"job": str(row.id), "tenant": row.tenant, "policy": policy.said, "then": policy.then,
                            "refused": None}  # fmt: skip
    try:
        held.refuse(row)
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
