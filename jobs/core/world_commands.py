"""Wishes about what the world shows of landed effects (design: E7)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .commands import Actor


@dataclass(frozen=True, slots=True)
class Seen:
    """What a confirm function said of one landed effect.

    Args:
        holds: whether the world still shows it; None: nobody could tell.
        evidence: why, in words that a person can read.
    """

    path: str
    holds: bool | None
    evidence: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Confirm:
    """Landed effects were confirmed against the world.

    Args:
        step: the step that wants to go on after the job has waited; empty where somebody asked.
    """

    seen: tuple[Seen, ...]
    by: Actor
    step: str = ""


@dataclass(frozen=True, slots=True)
class Accept:
    """A person lets the job go on although the world does not show an effect, or nobody could tell."""

    path: str
    by: Actor
    comment: str = ""
