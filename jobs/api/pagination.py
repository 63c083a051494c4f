"""Pages: `{next, previous, results}` by a cursor that stays right while rows come and go."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from rest_framework.exceptions import NotFound
from rest_framework.pagination import CursorPagination
from rest_framework.response import Response

from ..core.errors import Invalid
from .base import Face

PAGE = 50
LARGEST = 200
PAGING = ("cursor", "limit")


class Pages(CursorPagination):
    """Cursor pages. `limit` says how many (50, at most 200)."""

    page_size = PAGE
    max_page_size = LARGEST
    page_size_query_param = "limit"
    page_size_query_description = f"How many at most; {PAGE} unless told, {LARGEST} at most."
    cursor_query_description = "Where the page begins: as `next` and `previous` name it."


class PagesView(Face):
    """A view that lists rows."""

    pagination_class = Pages

    def page(
        self, rows: QuerySet[Any], ordering: Sequence[str], shape: Callable[[list[Any]], list[dict[str, Any]]]
    ) -> Response:
        """One page of rows.

        Args:
            rows: all that the caller may see.
            ordering: columns; the first should rarely be equal.
            shape: rows to what clients get.

        Raises:
            Invalid: the cursor is not one that this list gave out.
        """
        self.whole("limit", PAGE, least=1)
        pages = Pages()
        pages.ordering = tuple(ordering)
        try:
            found = pages.paginate_queryset(rows, self.request, view=self)
        except (NotFound, ValidationError, ValueError, OverflowError):
            raise Invalid(
                "the cursor is none of this list; begin again without it",
                code="invalid_cursor",
                errors=[{"loc": ["cursor"], "msg": "none of this list"}],
            ) from None
        return pages.get_paginated_response(shape(list(found or [])))
