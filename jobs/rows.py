"""Derived rows: what the agenda, the job row and the approvals look like in a given state (Law L1).

Everything here is a function of the fold; recomputing it from the events gives the stored rows again.
`knock_at` is the one exception: a delivery hint that no decision reads.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from .core.chain import canonical
from .core.decide import GRACE
from .core.moments import parse, plus
from .core.parked import obsolete, parked_on
from .core.state import JobState, Node
from .models.agenda import WHOM

STEP_FIELDS = (
    "tenant", "kind", "priority", "state", "fence", "attempt", "worker", "wake_at", "needs", "requires", "hold",
)  # fmt: skip
FIRST_KNOCK = timedelta(seconds=2)  # how long a knock may take before the sweep knocks again


class EventRow(NamedTuple):
    """The columns of an event that is to be written; made in a tenth of the time that a model's instance takes."""

    job_id: str
    seq: int
    tenant: str
    type: str
    node: str
    at: str
    body: str
    salt: str
    digest: str
    prev: str
    hash: str


class StepRow(NamedTuple):
    """The columns of a step on the agenda, made likewise."""

    job_id: str
    node: str
    tenant: str
    kind: str
    priority: int
    state: str
    fence: int
    attempt: int
    worker: UUID | None
    wake_at: datetime | None
    needs: str
    requires: str
    hold: str
    knock_at: datetime | None


def job_row(state: JobState) -> dict[str, Any]:
    """The columns of the job row that a state derives."""
    error = state.failure["error"] if state.failure and state.phase in ("failing", "failed") else None
    ended = state.phase == "completed"
    return {
        "status": state.status,
        "phase": state.phase,
        "outcome": state.outcome,
        "head_seq": state.seq,
        "output": canonical(state.output) if ended else None,
        "compensation": canonical(state.compensation) if state.compensation is not None else None,
        "error": canonical(error) if error is not None else None,
        "parked_on": canonical(parked_on(state)) if state.status == "parked" else "[]",
        "line_at": parse(state.message.due) if state.message and state.in_line else None,
        "turn": state.message.turn if state.message else None,
        "updated_at": parse(state.at),
        "finished_at": parse(state.finished_at) if state.finished_at else None,
    }


def ancestry(state: JobState) -> dict[str, Any]:
    """The columns that say which job this one comes from; they never change."""
    forked = state.forked
    return {
        "generation": state.generation,
        "forked_from": UUID(forked["job"]) if forked else None,
        "forked_seq": forked["seq"] if forked else None,
    }


def step_row(state: JobState, name: str) -> dict[str, Any] | None:
    """The agenda's row of a step, or None if it has none (settled, or held back by a pause or an end)."""
    node = state.nodes.get(name)
    if node is None or name not in state.agenda:
        return None
    if node.status in ("ready", "backoff") and not _may_start(state, node):
        return None
    wake_at = _wake_at(state, node)
    return {
        "tenant": state.tenant,
        "kind": node.kind,
        "priority": state.priority,
        "state": node.status,
        "fence": node.fence,
        "attempt": node.attempt,
        "worker": UUID(node.worker) if node.status == "running" else None,
        "wake_at": parse(wake_at) if wake_at else None,
        "needs": state.needs(node),
        "requires": ",".join(state.requirements(node)),
        "hold": node.hold[0] if node.hold else "",
    }


def _may_start(state: JobState, node: Node) -> bool:
    if state.phase == "open":
        return not state.paused
    return node.kind == "compensation" or any(state.calls[path].status == "unknown" for path in node.open)


def _wake_at(state: JobState, node: Node) -> str | None:
    if node.status == "ready":
        return state.created_at  # always due; `knock_at` spaces the knocks
    if state.phase != "open" and obsolete(node):
        asked = [state.calls[path] for path in node.open]
        return min(
            (each.wake_at for each in asked if each.status == "unknown" and each.wake_at), default=None
        )
    if node.status != "running" or state.phase == "open":
        return node.wake_at
    deadlines = [
        state.calls[path].info["deadline"] for path in node.open if state.calls[path].status == "open"
    ]
    if not deadlines:
        return None
    return plus(min(deadlines), GRACE)


def agenda_of(state: JobState) -> dict[str, dict[str, Any]]:
    """Every row that the agenda has for a state, by step."""
    rows = {name: step_row(state, name) for name in state.agenda}
    return {name: row for name, row in rows.items() if row is not None}


def changed_steps(before: JobState, after: JobState) -> tuple[list[StepRow], list[str]]:
    """Rows to write and names of rows to remove, between two states of one job."""
    all_move = (before.paused, before.phase) != (after.paused, after.phase)
    written, removed = [], []
    names = before.agenda | after.agenda
    if not all_move:  # few of perhaps thousands
        names = frozenset(name for name in names if before.nodes.get(name) is not after.nodes.get(name))
    for name in sorted(names):
        old, new = step_row(before, name), step_row(after, name)
        if new is None:
            if old is not None:
                removed.append(name)
        elif new != old:
            hint = parse(after.at) + FIRST_KNOCK if new["state"] == "ready" else None
            written.append(StepRow(job_id=after.job, node=name, knock_at=hint, **new))
    return written, removed


def approval_row(state: JobState, path: str) -> dict[str, Any]:
    """The columns of an approval that a state derives."""
    asked = state.calls[path]
    info, votes = asked.info, state.votes.get(path, ())
    final = next((vote for vote in votes if vote["effect"] in ("approved", "rejected", "withdrawn")), None)
    return {
        "job_id": state.job, "node": path, "tenant": state.tenant, "state": final["effect"] if final else "open",
        "question": _legible(info["question"]),
        "shown": canonical(info["shown"]), "releases": canonical(info["releases"]), "digest": info["digest"],
        "groups": canonical(info["groups"]), "users": canonical(info["users"]), "quorum": info["quorum"],
        "four_eyes": info["four_eyes"], "requester": state.requester["id"],
        "deadline": parse(asked.wake_at) if asked.wake_at else None, "on_timeout": info["on_timeout"],
        "form": canonical(info["form"]), "votes": canonical(list(votes)),
        "voters": canonical([vote["actor"]["id"] for vote in votes if vote["actor"]]),
        "delegates": canonical(info.get("delegates", [])),
    }  # fmt: skip


def addressees_of(row: Mapping[str, Any]) -> list[str]:
    """Whom an approval's row asks, as `Addressee.whom` has it."""
    named = (("group:", "groups"), ("user:", "users"), ("user:", "delegates"))
    found = []
    for kind, column in named:
        names = json.loads(row[column])
        found += [f"{kind}{each}"[:WHOM] for each in names] if isinstance(names, list) else []  # else: erased
    return list(dict.fromkeys(found))


def _legible(question: object) -> str:
    """A question as a text column takes it; what neither database can store as text becomes a question mark."""
    text = question if isinstance(question, str) else canonical(question)
    return text.replace("\x00", "?").encode("utf-8", "replace").decode("utf-8")
