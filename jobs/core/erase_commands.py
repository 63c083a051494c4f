"""Wishes about what is on record: bodies that are to be erased."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .commands import Actor


@dataclass(frozen=True, slots=True)
class Erasure:
    """One event whose body is erased, and what stays legible of it."""

    seq: int
    digest: str
    legible: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class EraseBodies:
    """Erase the bodies of a job that has ended.

    Args:
        bodies: of which events.
        basis: the legal basis, in the words of whoever asks.
    """

    bodies: tuple[Erasure, ...]
    actor: Actor
    reason: str
    basis: str
