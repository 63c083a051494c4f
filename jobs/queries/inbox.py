"""Which approvals ask one person, and which of them wait for their answer."""

from __future__ import annotations

import json
from datetime import datetime
from heapq import merge
from uuid import UUID

from django.db.models import F, Q, QuerySet, Value
from django.db.models.functions import StrIndex
from django.db.models.lookups import GreaterThan

from .. import clock
from ..core.commands import Actor
from ..models import Addressee, Approval
from ..models.agenda import WHOM

LOOKS = (
    200,
    1_000,
    5_000,
)  # questions to one person that an inbox looks at: more if most are answered by them
LARGE = ("shown", "releases", "form")
JUDGED = ("tenant", "state", "deadline", "requested_at", "voters", "four_eyes", "requester")
LISTED = 5_000
LANES = 12


def asking(rows: QuerySet[Approval], actor: Actor) -> QuerySet[Approval]:
    """The approvals that name this person or one of their groups, or were delegated to them, whatever their state."""
    return rows.filter(pk__in=_addressed(actor).values("approval"))


def undecided(rows: QuerySet[Approval], actor: Actor) -> QuerySet[Approval]:
    """Those of them that wait for this person's decision."""
    asked = _addressed(actor).filter(open=True).order_by().values_list("approval", flat=True)
    # As a list: a database that joins the two may look at what waits for everybody.
    known = list(asked[: LISTED + 1])
    return _waiting(rows.filter(pk__in=known if len(known) <= LISTED else asked), actor)


def nearest(actor: Actor, most: int, *, judged_only: bool = False) -> list[Approval]:
    """What waits for this person, by deadline, those without one last: the first among the nearest few thousand.

    Args:
        actor: the person.
        most: how many.
        judged_only: whether nothing of them is needed but that they are there.

    Returns:
        Rows without what is large in them.
    """
    waiting: list[Approval] = []
    for size in LOOKS:
        keys = _nearest(actor, size)
        # By key alone: told what else to look for, a database may rather walk along everybody's questions.
        rows = Approval.objects.filter(pk__in=keys)
        rows = rows.only(*JUDGED) if judged_only else rows.defer(*LARGE)
        waiting = sorted((row for row in rows if _waits(row, actor)), key=_by_deadline)[:most]
        if len(waiting) >= most or len(keys) < size:
            break
    return waiting


def _by_deadline(row: Approval) -> tuple[bool, datetime, datetime, UUID]:
    return row.deadline is None, row.deadline or row.requested_at, row.requested_at, row.id


def _nearest(actor: Actor, size: int) -> list[UUID]:
    """The open questions that ask this person, by deadline, answered by them or not."""
    asked = Addressee.objects.filter(tenant=actor.tenant, open=True, deadline__gt=clock.now())
    whom = _whom(actor)
    # One walk along the index for each; of so many names that this would be many walks, one sort.
    lanes = (
        [asked.filter(whom=each) for each in whom] if len(whom) <= LANES else [asked.filter(whom__in=whom)]
    )
    order = ("deadline", "requested_at", "approval")
    keys = merge(*(lane.order_by(*order).values_list(*order)[:size] for lane in lanes))
    return list(dict.fromkeys(key for _, _, key in keys))[:size]


def by_deadline(rows: QuerySet[Approval], most: int) -> list[Approval]:
    """The first rows by deadline, those without one last: two walks along one index."""
    found = list(rows.filter(deadline__isnull=False).order_by("deadline", "requested_at", "id")[:most])
    if len(found) < most:
        found += rows.filter(deadline__isnull=True).order_by("requested_at", "id")[: most - len(found)]
    return found


def _waits(row: Approval, actor: Actor) -> bool:
    """The same of one row."""
    in_time = row.deadline is None or row.deadline > clock.now()
    barred = actor.id in json.loads(row.voters) or (row.four_eyes and row.requester == actor.id)
    return row.tenant == actor.tenant and row.state == "open" and in_time and not barred


def _waiting(rows: QuerySet[Approval], actor: Actor) -> QuerySet[Approval]:
    waiting = rows.filter(state="open").exclude(_holds("voters", actor.id))
    in_time = waiting.filter(Q(deadline__isnull=True) | Q(deadline__gt=clock.now()))
    return in_time.exclude(four_eyes=True, requester=actor.id)


def _addressed(actor: Actor) -> QuerySet[Addressee]:
    return Addressee.objects.filter(tenant=actor.tenant, whom__in=_whom(actor))


def _whom(actor: Actor) -> list[str]:
    names = [f"user:{each}" for each in (actor.id, actor.name) if each]
    found = (*names, *(f"group:{group}" for group in actor.groups))
    return list(dict.fromkeys(each[:WHOM] for each in found))


def _holds(column: str, member: str) -> Q:
    # Not `contains`: LIKE on SQLite takes Finance for finance. The columns hold canonical JSON.
    return Q(GreaterThan(StrIndex(F(column), Value(json.dumps(member))), 0))
