"""Forensic search: jobs, events, effects and approvals by one set of filters, each served by an index."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .index import behind, catch_up
from .pages import LARGEST, PAGE, page_of
from .question import FILTERS, NAMED, TARGETS, Question, question_of
from .results import rows_of

FRESHEN = 2000  # events that a search reads into the index before it answers


def search(
    tenant: str, given: Mapping[str, Any], cursor: str | None = None, limit: int = PAGE
) -> dict[str, Any]:
    """Search a tenant's record.

    Args:
        tenant: whose rows.
        given: `of` and the filters.
        cursor: of an earlier page of the same search.
        limit: rows of the page.

    Returns:
        `{next, previous, results, behind}`: cursors, rows, and how many events the index does not know yet; 0 where
        no filter needs it.

    Raises:
        Invalid: a filter has a value that it cannot have, or the search would have to read too much.
    """
    question = question_of(tenant, given)
    missing = 0
    if any(question.get(name) for name in NAMED):
        catch_up(FRESHEN)
        missing = behind()
    page = page_of(question, cursor, limit)
    rows = rows_of(question.of, tenant, page.keys)
    return {"next": page.next, "previous": page.previous, "results": rows, "behind": missing}


__all__ = [
    "FILTERS",
    "LARGEST",
    "NAMED",
    "PAGE",
    "TARGETS",
    "Question",
    "behind",
    "catch_up",
    "question_of",
    "search",
]
