"""Which approvals ask this person, and what has been said to each so far."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.db.models import F, Q, QuerySet, Value
from django.db.models.functions import StrIndex
from django.db.models.lookups import GreaterThan

from jobs import clock
from jobs.core.commands import Actor
from jobs.models import Approval

from .shown import moment, who


@dataclass(frozen=True)
class Cast:
    """One vote, or the deadline's decision, as the page shows it."""

    who: str
    decision: str
    at: str
    comment: str
    form: str
    final: bool


def asking(rows: QuerySet[Approval], actor: Actor) -> QuerySet[Approval]:
    """The approvals that name this person or one of their groups, whatever their state."""
    named = [_holds("users", each) for each in {actor.id, actor.name} if each]
    grouped = [_holds("groups", each) for each in actor.groups]
    asked = Q(pk__in=[])
    for each in (*named, *grouped):
        asked |= each
    return rows.filter(asked)


def undecided(rows: QuerySet[Approval], actor: Actor) -> QuerySet[Approval]:
    """Those of them that wait for this person's decision."""
    voted = f'"actor":{json.dumps({"id": actor.id}, separators=(",", ":"))[:-1]},'
    waiting = asking(rows, actor).filter(state="open").exclude(_mentions("votes", voted))
    in_time = waiting.filter(Q(deadline__isnull=True) | Q(deadline__gt=clock.now()))
    return in_time.exclude(four_eyes=True, requester=actor.id)


def _holds(column: str, member: str) -> Q:
    return _mentions(column, json.dumps(member))


def _mentions(column: str, text: str) -> Q:
    # Not `contains`: LIKE on SQLite takes Finance for finance. The columns hold canonical JSON.
    return Q(GreaterThan(StrIndex(F(column), Value(text)), 0))


def votes_of(told: Mapping[str, Any], approval: Approval) -> list[Cast]:
    """Every vote so far.

    Args:
        told: the approval as clients see it, which knows when each vote was cast.
        approval: its row, which keeps the filled-in forms.
    """
    forms = [vote.get("form") for vote in json.loads(approval.votes)]
    return [_cast(vote, form) for vote, form in zip(told["votes"], forms, strict=True)]


def _cast(vote: Mapping[str, Any], form: Any) -> Cast:
    return Cast(
        who=who(vote["actor"]),
        decision=vote["decision"].replace("_", " "),
        at=moment(vote["at"]),
        comment=vote["comment"] or "",
        form="" if form is None else json.dumps(form, indent=2, ensure_ascii=False),
        final=vote["effect"] in ("approved", "rejected", "withdrawn"),
    )


def how_it_ended(votes: list[Cast]) -> str:
    """Who decided what and when, for someone who came too late; empty while it is open."""
    last = next((vote for vote in votes if vote.final), None)
    if last is None:
        return ""
    if last.decision == "withdrawn":
        return f"It was withdrawn at {last.at}, for the job has ended."
    if last.decision == "timed out":
        return f"Its deadline passed and decided at {last.at}."
    return f"{last.who} decided {last.decision} at {last.at}."
