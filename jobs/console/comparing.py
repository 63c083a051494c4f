"""Two attempts of a step side by side: what each was asked, told and refused, line by line. Pure."""

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
