"""Where people keep searches by name; an app above this one that keeps searches puts itself here."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from jobs.core.commands import Actor

FILTERS = ("status", "agent", "version")  # of jobs, that a kept search may have


@dataclass(frozen=True)
class Kept:
    """A search that somebody keeps.

    Args:
        mine: whether this person keeps it, and may forget it.
        owner: name of who keeps it.
        filters: as `FILTERS` names them.
    """

    id: UUID
    name: str
    mine: bool
    shared: bool
    owner: str
    filters: Mapping[str, str]


@dataclass(frozen=True)
class Shelf:
    """Something that keeps searches of jobs.

    Args:
        kept: those that a person may run.
        keep: one more: name, filters, and whether everybody of the tenant may run it. Raises Invalid.
        forget: one's own. Raises NotFound, NotAllowed.
    """

    kept: Callable[[Actor], Sequence[Kept]]
    keep: Callable[[Actor, str, Mapping[str, str], bool], None]
    forget: Callable[[Actor, UUID], None]


SHELVES: list[Shelf] = []
