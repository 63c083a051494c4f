"""What a parked job waits for: a status that waits for nothing cannot be represented."""

from __future__ import annotations

from typing import Any

from .state import JobState, Node


def parked_on(state: JobState) -> list[dict[str, Any]]:
    """What a parked job waits for: `{node, kind, name?, deadline?}` each, and every kind has its waker."""
    found: list[dict[str, Any]] = []
    for name in sorted(state.agenda):
        node = state.nodes[name]
        if node.status != "parked":
            continue
        if node.hold is not None:
            entry = {"node": name, "kind": node.hold[0], "name": node.hold[1]}
            when = _known_time(state, node)
            found.append({**entry, "deadline": when} if when else entry)
        found.extend(_waits(state, node))
    return found


def obsolete(node: Node) -> bool:
    """Whether an ending job has no use for what a step waits for: only its unknown outcomes still matter."""
    return node.status == "parked" and node.hold is None and node.kind != "compensation"


def _known_time(state: JobState, node: Node) -> str | None:
    """When a step that is held back can go on at the earliest, where that is known."""
    if node.hold is not None and node.hold[0] == "agent":
        told = state.message
        return told.due if told is not None and told.due > state.created_at else None
    return node.wake_at if node.hold is not None and node.hold[0] == "limit" else None


def _waits(state: JobState, node: Node) -> list[dict[str, Any]]:
    found = []
    ending = state.phase != "open" and obsolete(node)
    for path in sorted(node.open):
        asked = state.calls[path]
        if asked.status == "unknown":
            found.append({"node": path, "kind": "unknown_outcome", "name": asked.info["invocation"]})
        elif asked.status == "waiting" and not ending:
            entry: dict[str, Any] = {"node": path, "kind": asked.kind, "name": asked.name}
            if asked.wake_at:
                entry["deadline"] = asked.wake_at
            if asked.kind == "approval":
                entry["approval"] = asked.info["approval"]
            found.append(entry)
    return found
