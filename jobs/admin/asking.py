"""What has been said to an approval so far, and how it ended."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

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
        decision=_said(vote),
        at=moment(vote["at"]),
        comment=vote["comment"] or "",
        form="" if form is None else json.dumps(form, indent=2, ensure_ascii=False),
        final=vote["effect"] in ("approved", "rejected", "withdrawn"),
    )


def _said(vote: Mapping[str, Any]) -> str:
    decision: str = vote["decision"].replace("_", " ")
    return f"{decision} to {who(vote['to'])}" if vote.get("to") else decision


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
