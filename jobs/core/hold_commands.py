"""Wishes about a step that cannot run now: what it is held for, and that this has come."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Hold:
    """The step cannot run now: park it, naming what is missing.

    Args:
        kind: `version` or `capability` (no living worker offers it), `limit` (its tool's rate is used up).
        until: for `limit`, the moment that is reserved for it.
    """

    node: str
    kind: str
    name: str
    until: str | None = None


@dataclass(frozen=True, slots=True)
class Unhold:
    """A worker that can run the step has registered, or the settlement it waited for has come."""

    node: str
    path: str = ""


@dataclass(frozen=True, slots=True)
class TakeTurn:
    """It is this message's turn at its agent instance.

    Args:
        instance: whose.
        turn: its number.
        after: the job whose end gave the state; None: the state of the instance's creation.
        state: what the job begins with.
    """

    instance: str
    turn: int
    after: str | None
    state: Mapping[str, Any]
