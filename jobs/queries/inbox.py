"""Which approvals ask one person, and which of them wait for their answer."""

from __future__ import annotations

import json

from django.db.models import F, Q, QuerySet, Value
from django.db.models.functions import StrIndex
from django.db.models.lookups import GreaterThan

from .. import clock
from ..core.commands import Actor
from ..models import Approval


def asking(rows: QuerySet[Approval], actor: Actor) -> QuerySet[Approval]:
    """The approvals that name this person or one of their groups, or were delegated to them, whatever their state."""
    names = [each for each in (actor.id, actor.name) if each]
    named = [_holds(column, each) for column in ("users", "delegates") for each in names]
    grouped = [_holds("groups", each) for each in actor.groups]
    asked = Q(pk__in=[])
    for each in (*named, *grouped):
        asked |= each
    return rows.filter(asked)


def undecided(rows: QuerySet[Approval], actor: Actor) -> QuerySet[Approval]:
    """Those of them that wait for this person's decision."""
    waiting = asking(rows, actor).filter(state="open").exclude(_holds("voters", actor.id))
    in_time = waiting.filter(Q(deadline__isnull=True) | Q(deadline__gt=clock.now()))
    return in_time.exclude(four_eyes=True, requester=actor.id)


def _holds(column: str, member: str) -> Q:
    # Not `contains`: LIKE on SQLite takes Finance for finance. The columns hold canonical JSON.
    return Q(GreaterThan(StrIndex(F(column), Value(json.dumps(member))), 0))
