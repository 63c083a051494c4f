"""A difference between code and record: what it is, and where two plans first part."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from jobs.core.chain import digest_of
from jobs.core.graph import TaskGraph
from jobs.core.names import PlanError
from jobs.core.plan import Plan
from jobs.core.state import PLAN_STEP, JobState


@dataclass(frozen=True, slots=True)
class Divergence:
    """The first place where the code does not do what the record says.

    `kind`: code_missing, other_command, outside_world, other_end, other_plan, other_result, other_state.
    """

    kind: str
    node: str
    path: str
    recorded: str
    asked: str
    message: str
    place: str = ""

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def other_plan(state: JobState, result: Any) -> Divergence | None:
    """The first difference between the recorded plan and the one that a planner has made now."""
    assert state.plan is not None
    try:
        made = Plan.load(result.to_json() if isinstance(result, TaskGraph) else result).to_json()
    except PlanError as error:
        return Divergence("other_plan", PLAN_STEP, error.node or PLAN_STEP, state.plan_hash, str(error),
                          f"the planner makes a graph that is refused: {error}")  # fmt: skip
    had = state.plan.to_json()
    if digest_of(made) == state.plan_hash:
        return None
    name, old, new = _first_node(_nodes(had), _nodes(made)) or ("output", had["output"], made["output"])
    return Divergence("other_plan", PLAN_STEP, name, _short(old), _short(new),
                      f"the planner makes another graph than the recorded one; they differ first at {name}")  # fmt: skip


def _nodes(plan: Mapping[str, Any]) -> list[dict[str, Any]]:
    nodes: list[dict[str, Any]] = plan["nodes"]
    return nodes


def _first_node(had: list[dict[str, Any]], made: list[dict[str, Any]]) -> tuple[str, Any, Any] | None:
    """The first node that differs, and on each side the first member of it that does."""
    for place in range(max(len(had), len(made))):
        old, new = (nodes[place] if place < len(nodes) else None for nodes in (had, made))
        if old == new:
            continue
        if old is None or new is None or old["id"] != new["id"]:
            return str((old or new or {})["id"]), old and f"node {old['id']}", new and f"node {new['id']}"
        member = next(key for key in [*old, *new] if old.get(key) != new.get(key))
        return str(old["id"]), {member: old.get(member)}, {member: new.get(member)}
    return None


def _short(value: Any) -> str:
    text = (
        value if isinstance(value, str) else "nothing" if value is None else json.dumps(value, sort_keys=True)
    )
    return text if len(text) <= 200 else f"{text[:199]}…"
