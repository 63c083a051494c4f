"""Occasions: which facts about an approval people outside are told of, and when."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from .events import Fact
from .moments import plus
from .state import JobState

ASKED, DELEGATED, ESCALATED, REMINDER = "asked", "delegated", "escalated", "reminder"
DECIDED, EXPIRED, WITHDRAWN = "decided", "expired", "withdrawn"
OCCASIONS = (ASKED, DELEGATED, ESCALATED, REMINDER, DECIDED, EXPIRED, WITHDRAWN)
WAITING = frozenset(
    {ASKED, DELEGATED, ESCALATED, REMINDER}
)  # they ask for an answer: none is needed once there is one
_EFFECTS = {"delegated": DELEGATED, "escalated": ESCALATED, "withdrawn": WITHDRAWN}


@dataclass(frozen=True, slots=True)
class Offset:
    """How long before the deadline people are reminded.

    Args:
        text: as it was declared, such as `1h`.
        seconds: the same as a number.
    """

    text: str
    seconds: float


@dataclass(frozen=True, slots=True)
class Occasion:
    """Something that people are told of.

    Args:
        name: one of `OCCASIONS`.
        approval: its id.
        seq: the event that it follows from.
        at: when to tell.
        detail: of a reminder, its offset.
    """

    name: str
    approval: str
    seq: int
    at: str
    detail: str = ""


def occasions_of(state: JobState, fact: Fact, reminders: Sequence[Offset] = ()) -> tuple[Occasion, ...]:
    """What a fact gives occasion to tell.

    Args:
        state: the job after the commit that the fact stands in; what was settled in the same commit is not asked.
        fact: any fact.
        reminders: how long before a deadline to remind.
    """
    if fact.type == "approval_requested":
        return _put(state, fact, reminders)
    if fact.type != "approval_decided" or "copied" in fact.body:
        return ()
    name = _EFFECTS.get(fact.body["effect"])
    if name is None and fact.body["effect"] in ("approved", "rejected"):
        name = EXPIRED if fact.body["decision"] == "timed_out" else DECIDED
    return (Occasion(name, fact.body["approval"], fact.seq, fact.at),) if name else ()


def _put(state: JobState, fact: Fact, reminders: Sequence[Offset]) -> tuple[Occasion, ...]:
    asked = state.calls.get(fact.node)
    if asked is None or asked.status != "waiting" or asked.info.get("approval") != fact.body["approval"]:
        return ()
    approval, deadline = fact.body["approval"], fact.body["deadline"]
    told = [Occasion(ASKED, approval, fact.seq, fact.at)]
    if deadline is not None:
        due = [(plus(deadline, -each.seconds), each.text) for each in reminders]
        told += [Occasion(REMINDER, approval, fact.seq, at, text) for at, text in due if at > fact.at]
    return tuple(told)


def ends_reminders(fact: Fact) -> bool:
    """Whether nobody is reminded of the approval any more: it is closed, or asks others without a deadline."""
    return fact.type == "approval_decided" and fact.body["effect"] not in ("vote", "delegated")
