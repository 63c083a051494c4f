"""Searches that people keep: their own to change, and shared ones to run."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Q, QuerySet

from jobs import clock
from jobs.core.chain import canonical
from jobs.core.errors import NotAllowed, NotFound
from jobs.core.moments import text

from ..asking import refuse
from ..models import SavedSearch
from .question import question_of

MOST = 200  # of one person


def saved_for(tenant: str, owner: str) -> QuerySet[SavedSearch]:
    """The searches that somebody may run: their own and the shared ones of the tenant."""
    return SavedSearch.objects.filter(Q(owner=owner) | Q(shared=True), tenant=tenant)


def saved(tenant: str, owner: str, id: Any) -> SavedSearch:
    """One that they may run.

    Raises:
        NotFound: there is none, or it is somebody else's own.
    """
    found = saved_for(tenant, owner).filter(id=id).first()
    if found is None:
        raise NotFound(f"there is no saved search {id}")
    return found


def keep(
    tenant: str, owner: tuple[str, str], name: str, query: Mapping[str, Any], *, shared: bool = False
) -> SavedSearch:
    """Keep a search.

    Args:
        tenant: whose record it searches.
        owner: id and name of the user.
        name: unique among the owner's.
        query: `of` and filters, as they are given to a search; relative times stay relative.
        shared: whether everybody of the tenant who may search may run it.

    Raises:
        Invalid: the query is none, the name is taken, or there are too many.
    """
    question_of(tenant, query)
    own = SavedSearch.objects.filter(tenant=tenant, owner=owner[0])
    if own.count() >= MOST:
        raise refuse("name", f"you keep {MOST} searches already; delete one first")
    now = clock.now()
    row = SavedSearch(
        id=uuid.uuid4(), tenant=tenant, owner=owner[0], owner_name=owner[1], name=name, shared=shared,
        query=canonical(dict(query)), created_at=now, changed_at=now,
    )  # fmt: skip
    _save(row)
    return row


def change(
    tenant: str,
    owner: str,
    id: Any,
    *,
    name: str | None = None,
    query: Mapping[str, Any] | None = None,
    shared: bool | None = None,
) -> SavedSearch:
    """Change one's own search; what is None stays.

    Raises:
        NotFound, NotAllowed: there is none, or it is somebody else's.
        Invalid: the query is none, or the name is taken.
    """
    row = _own(tenant, owner, id)
    if query is not None:
        question_of(tenant, query)
        row.query = canonical(dict(query))
    row.name = row.name if name is None else name
    row.shared = row.shared if shared is None else shared
    row.changed_at = clock.now()
    _save(row)
    return row


def forget(tenant: str, owner: str, id: Any) -> None:
    """Delete one's own search.

    Raises:
        NotFound, NotAllowed: there is none, or it is somebody else's.
    """
    _own(tenant, owner, id).delete()


def query_of(row: SavedSearch) -> dict[str, Any]:
    """The search that was kept."""
    found: dict[str, Any] = json.loads(row.query)
    return found


def saved_json(row: SavedSearch) -> dict[str, Any]:
    """A saved search as clients see it."""
    return {
        "id": str(row.id),
        "name": row.name,
        "owner": {"id": row.owner, "name": row.owner_name},
        "shared": row.shared,
        "query": query_of(row),
        "created_at": text(row.created_at),
        "changed_at": text(row.changed_at),
    }


def _own(tenant: str, owner: str, id: Any) -> SavedSearch:
    row = saved(tenant, owner, id)
    if row.owner != owner:
        raise NotAllowed(
            f"the search {row.name!r} is {row.owner_name}'s; keep one of your own", code="not_yours"
        )
    return row


def _save(row: SavedSearch) -> None:
    try:
        with transaction.atomic():
            row.save()
    except IntegrityError:
        raise refuse(
            "name", f"you keep a search named {row.name[:60]!r} already", code="name_taken"
        ) from None
