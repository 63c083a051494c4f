"""Kept searches of jobs on the console's list: the same rows that the forensic search keeps, as far as the list can show."""

from __future__ import annotations

from collections.abc import Mapping
from uuid import UUID

from jobs.console.shelf import FILTERS, SHELVES, Kept, Shelf
from jobs.core.commands import Actor

from . import saved

SHOWN = 50


def connect() -> None:
    """Put ourselves where the console looks."""
    SHELVES[:] = [Shelf(kept, keep, forget)]


def kept(actor: Actor) -> list[Kept]:
    """The searches of jobs that this person may run, by name; those that ask for more than the list knows are left out."""
    rows = saved.saved_for(actor.tenant, actor.id).order_by("name", "id")[:SHOWN]
    found = [(row, saved.query_of(row)) for row in rows]
    return [
        Kept(row.id, row.name, row.owner == actor.id, row.shared, row.owner_name,
             {name: str(value) for name, value in query.items() if name != "of"})
        for row, query in found
        if query.get("of") == "jobs" and set(query) <= {"of", *FILTERS}
    ]  # fmt: skip


def keep(actor: Actor, name: str, filters: Mapping[str, str], shared: bool) -> None:
    """Keep a search of jobs.

    Raises:
        Invalid: the name is taken, a filter is none, or there are too many.
    """
    saved.keep(
        actor.tenant, (actor.id, actor.name or actor.id), name, {"of": "jobs", **filters}, shared=shared
    )


def forget(actor: Actor, search: UUID) -> None:
    """Delete one's own.

    Raises:
        NotFound, NotAllowed: there is none, or it is somebody else's.
    """
    saved.forget(actor.tenant, actor.id, search)
