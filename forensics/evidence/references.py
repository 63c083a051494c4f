"""References that tools returned: short texts of a result by which the world outside knows what was done. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

RESULTS = {"tool_invocation_finished": "result", "outcome_resolved": "result", "late_outcome": "result"}
LEAST, MOST, PLENTY = 3, 128, 10  # characters of a reference, and how many one result may give


def references_in(value: Any) -> list[str]:
    """The texts of a result that may be references: no space in them, and a digit, the first of them each once."""
    found = dict.fromkeys(each for each in texts_in(value) if _is_reference(each))
    return list(found)[:PLENTY]


def _is_reference(text: str) -> bool:
    return (
        LEAST <= len(text) <= MOST
        and not any(each.isspace() for each in text)
        and any(each.isdigit() for each in text)
    )


def texts_in(value: Any) -> Iterator[str]:
    """Every text in a value, by the names of its members."""
    stack = [value]
    while stack:
        each = stack.pop()
        if isinstance(each, dict):
            stack.extend(each[name] for name in sorted(each, reverse=True))
        elif isinstance(each, list):
            stack.extend(reversed(each))
        elif isinstance(each, str):
            yield each


def in_results(event: Mapping[str, Any], word: str) -> bool:
    """Whether a text stands, whole, in the result that an event tells."""
    member = RESULTS.get(event["type"])
    body = event["body"]
    return member is not None and isinstance(body, dict) and word in texts_in(body.get(member))
