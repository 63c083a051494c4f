"""Two attempts of a step, or two jobs step by step, side by side: what each was asked, told and refused. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import unified_diff
from typing import Any

# What differs between any two attempts and says nothing.
_PLACE = frozenset({"worker", "fence", "attempt", "invocation", "seconds", "deadline", "wake_at"})
MOST = 400  # lines


@dataclass(frozen=True)
class Line:
    """One line of a difference: added, removed, same, or place (where it stands)."""

    kind: str
    text: str


def attempts_of(
    events: Sequence[Mapping[str, Any]], fences: Sequence[int]
) -> dict[int, list[dict[str, Any]]]:
    """What happened in each attempt: the events from its claim up to the next one, without their places."""
    found: dict[int, list[dict[str, Any]]] = {fence: [] for fence in fences}
    for event in events:
        claim = max((fence for fence in fences if fence <= event["seq"]), default=None)
        if claim is not None:
            body = {key: value for key, value in (event["body"] or {}).items() if key not in _PLACE}
            found[claim].append({event["type"]: body})
    return found


def difference(left: Any, right: Any) -> list[Line]:
    """How two documents differ, as lines; empty where they do not."""
    before, after = (
        json.dumps(each, indent=2, ensure_ascii=False, sort_keys=True).splitlines() for each in (left, right)
    )
    found = list(unified_diff(before, after, lineterm="", n=2))[2:]
    kinds = {"+": "added", "-": "removed", "@": "place"}
    lines = [Line(kinds.get(line[:1], "same"), line) for line in found[:MOST]]
    if len(found) > MOST:
        lines.append(Line("place", f"… and {len(found) - MOST} lines more"))
    return lines


PARTS = ("planned", "input", "output", "error", "model", "calls")


@dataclass(frozen=True)
class Pair:
    """One step in both jobs.

    Args:
        node: its name; steps are aligned by it.
        left: the step in the one job; None where it has none of that name.
        right: in the other.
        parts: what differs, each with its lines.
    """

    node: str
    left: Mapping[str, Any] | None
    right: Mapping[str, Any] | None
    parts: tuple[tuple[str, tuple[Line, ...]], ...]

    @property
    def differs(self) -> bool:
        """Whether they are not the same in something that a person cares for."""
        return self.left is None or self.right is None or bool(self.parts) or self.states[0] != self.states[1]

    @property
    def states(self) -> tuple[str, str]:
        """How it stands in each; empty where it is not."""
        return (
            str(self.left["status"]) if self.left else "",
            str(self.right["status"]) if self.right else "",
        )


def aligned(left: Sequence[Mapping[str, Any]], right: Sequence[Mapping[str, Any]]) -> list[Pair]:
    """The steps of two jobs by name, in the order of the one; what only the other has stands where it stands there."""
    ours = {step["node"]: step for step in left}
    theirs = {step["node"]: step for step in right}
    return [_pair(name, ours.get(name), theirs.get(name)) for name in _merged(list(ours), list(theirs))]


def _merged(ours: Sequence[str], theirs: Sequence[str]) -> list[str]:
    known, found, place = set(ours), list(ours), 0
    for name in theirs:
        if name in known:
            place = found.index(name) + 1
        else:
            found.insert(place, name)
            place += 1
    return found


def _pair(node: str, left: Mapping[str, Any] | None, right: Mapping[str, Any] | None) -> Pair:
    found = []
    if left is not None and right is not None:
        for part in PARTS:
            if left.get(part) != right.get(part):
                found.append((part, tuple(difference(left.get(part), right.get(part)))))
    return Pair(node, left, right, tuple(found))
