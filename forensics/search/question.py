"""A search as it was asked: which rows, which filters, each value checked before anything is read."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from jobs.core.events import KINDS
from jobs.queries.approvals import STATES as APPROVAL_STATES
from jobs.queries.jobs import STATUSES
from ledger.models import STATES as LEDGER_STATES

from ..asking import moment, refuse, uuid, word

TARGETS = ("events", "jobs", "effects", "approvals")
EFFECTS = ("pure", "idempotent", "at_most_once", "transactional")
STATES: Mapping[str, tuple[str, ...]] = {"effects": LEDGER_STATES, "approvals": APPROVAL_STATES}
LONGEST = 255
SHORTEST_TEXT = 3
_TOOL = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,119}\*?|\*")

COMMON = (
    "since", "until", "job", "agent", "version", "status", "outcome", "tag", "requester", "actor", "approver", "document",
    "model", "tool", "key", "invocation", "text",
)  # fmt: skip
OWN: Mapping[str, tuple[str, ...]] = {
    "events": ("type", "node", "step_outcome"),
    "jobs": ("step_outcome",),
    "effects": ("state", "effect", "node"),
    "approvals": ("state", "node"),
}
FILTERS = tuple(dict.fromkeys((*COMMON, *(name for own in OWN.values() for name in own))))
NAMED = ("tag", "requester", "actor", "approver", "document", "model", "tool", "key", "step_outcome")
OF_JOB = ("agent", "version", "status", "outcome")


@dataclass(frozen=True)
class Question:
    """A checked search.

    Args:
        tenant: whose rows.
        of: events, jobs, effects or approvals.
        given: the filters, each with its value; times as event time.
    """

    tenant: str
    of: str
    given: Mapping[str, str]

    def __getitem__(self, name: str) -> str:
        """The value of a filter that was given."""
        return self.given[name]

    def get(self, name: str) -> str | None:
        """The value of a filter."""
        return self.given.get(name)

    @property
    def types(self) -> tuple[str, ...]:
        """The event types that are asked for; all of them where none is named."""
        told = self.given.get("type")
        return tuple(told.split(",")) if told else tuple(KINDS)


def question_of(tenant: str, given: Mapping[str, Any]) -> Question:
    """Check a search.

    Args:
        tenant: whose rows.
        given: parameters as they came: `of` (events unless told) and filters.

    Raises:
        Invalid: naming the parameter and what it may be.
    """
    of = word(given, "of", TARGETS) or "events"
    known = {*COMMON, *OWN[of]}
    found: dict[str, str] = {}
    for name, value in given.items():
        if name == "of":
            continue
        if name not in known:
            raise refuse(
                str(name)[:40], f"a search of {of} knows {', '.join(sorted(known))}", "unknown_parameter"
            )
        if not isinstance(value, str) or not 0 < len(value) <= LONGEST or "\0" in value:
            raise refuse(name, f"it is a text of 1 to {LONGEST} characters")
        found[name] = value
    return Question(tenant, of, found | _checked(of, found))


def _checked(of: str, given: Mapping[str, str]) -> dict[str, str]:
    word(given, "status", STATUSES)
    word(given, "effect", EFFECTS)
    word(given, "state", STATES.get(of, ()))
    if (tool := given.get("tool")) and not _TOOL.fullmatch(tool):
        raise refuse("tool", f"{tool[:40]!r} is no tool's name; a `*` may stand at its end")
    if (sought := given.get("text")) and len(sought) < SHORTEST_TEXT:
        raise refuse("text", f"give at least {SHORTEST_TEXT} characters")
    wrong = [each for each in given["type"].split(",") if each not in KINDS] if "type" in given else []
    if wrong:
        raise refuse("type", f"{wrong[0][:40]!r} is no type of event; docs/events.md lists them")
    read = {name: moment(given, name) for name in ("since", "until")}
    read |= {name: uuid(given, name) for name in ("job", "invocation")}
    return {name: value for name, value in read.items() if value is not None}
