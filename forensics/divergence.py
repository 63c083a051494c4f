"""A difference between code and record: what it is, and where two plans first part."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from jobs.core.chain import digest_of
from jobs.core.events import Fact
from jobs.core.graph import TaskGraph
from jobs.core.names import PlanError
from jobs.core.plan import Plan
from jobs.core.playback import Wish
from jobs.core.state import PLAN_STEP, Asked, JobState, Node

KINDS = (
    "code_missing", "other_command", "outside_world", "other_end", "other_plan", "other_result", "other_state",
)  # fmt: skip
LONGEST = 4096  # characters of a command's arguments that are shown


@dataclass(frozen=True, slots=True)
class Divergence:
    """The first place where the code does not do what the record says.

    Args:
        kind: one of `KINDS`.
        node: the step; path: the question, or the node of the plan, at which they part.
        recorded: in words, what the record has; asked: what the code does.
        message: both, in one sentence.
        place: file and line of the code, where it reached outside.
        seq: the event that says what was recorded; of what is on no record, the claim of the step.
        had, made: of two questions, `{kind, name, args}` of each.
    """

    kind: str
    node: str
    path: str
    recorded: str
    asked: str
    message: str
    place: str = ""
    seq: int = 0
    had: Mapping[str, Any] | None = None
    made: Mapping[str, Any] | None = None

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def command(asked: Asked | Wish | None) -> dict[str, Any] | None:
    """A question as it is shown, with its arguments unless they are very long."""
    if asked is None:
        return None
    args = asked.args if len(json.dumps(asked.args)) <= LONGEST else {"sha256": asked.digest}
    return {"kind": asked.kind, "name": asked.name, "args": args}


def seq_of(found: Divergence, node: Node, facts: Sequence[Fact]) -> int:
    """The event that tells what was recorded where code and record part."""
    types = {
        "other_plan": ("plan_generated",), "other_state": ("reasoning_snapshot",), "other_result": ("node_finished",),
        "other_end": ("node_finished", "node_failed", "job_parked"),
    }.get(found.kind, ())  # fmt: skip
    step = [fact.seq for fact in facts if fact.type in types and fact.node in (node.id, "")]
    return step[-1] if step else node.fence


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


def two(had: Any, made: Any) -> tuple[str, str]:
    """Two values in words that differ: themselves, or where they are long and begin alike their digests too."""
    old, new = _short(had), _short(made)
    return (old, new) if old != new else (f"{old} ({digest_of(had)})", f"{new} ({digest_of(made)})")


def _short(value: Any) -> str:
    text = (
        value if isinstance(value, str) else "nothing" if value is None else json.dumps(value, sort_keys=True)
    )
    return text if len(text) <= 200 else f"{text[:199]}…"
