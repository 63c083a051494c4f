"""Errors that a call ends with where the tool itself raised none."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def unstorable(tool: str, problem: Mapping[str, Any]) -> dict[str, Any]:
    """The error of a call that landed with a result that cannot be kept (Law E5).

    Args:
        tool: its name.
        problem: type, size and digest of the result, and the reason.
    """
    message = (
        f"tool {tool} answered, but its result cannot be stored: {problem['reason']}; "
        "the effect has landed and is not repeated"
    )
    return {"code": "result_unstorable", "message": message, **problem}


def given_up(tool: str, path: str, who: str) -> dict[str, Any]:
    """The error of a call whose outcome `who` left unknown in the books (Law E4)."""
    message = f"{who} gave up call {path} of tool {tool}: whether its effect happened stays unknown"
    return {"code": "outcome_unknown", "message": message}
