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
            found.append({**entry, "deadline": node.wake_at} if node.hold[0] == "limit" else entry)
        found.extend(_waits(state, node))
    return found


def _waits(state: JobState, node: Node) -> list[dict[str, Any]]:
    found = []
    for path in sorted(node.open):
        asked = state.calls[path]
        if asked.status == "unknown":
            found.append({"node": path, "kind": "unknown_outcome", "name": asked.info["invocation"]})
        elif asked.status == "waiting":
            entry: dict[str, Any] = {"node": path, "kind": asked.kind, "name": asked.name}
            if asked.wake_at:
                entry["deadline"] = asked.wake_at
            if asked.kind == "approval":
                entry["approval"] = asked.info["approval"]
            found.append(entry)
    return found
