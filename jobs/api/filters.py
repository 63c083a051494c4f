"""Which jobs a list shows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db.models import QuerySet
from django_filters import rest_framework as filters  # type: ignore[import-untyped]  # it ships no types

from ..core.errors import Invalid
from ..models import Job
from ..queries.jobs import STATUSES, tagged

# By creation; the id only decides between equals, because the id of a child job is computed and tells no time.
_NEWEST, _OLDEST = ("-created_at", "-id"), ("created_at", "id")
ORDERINGS: Mapping[str, tuple[str, str]] = {
    "-created_at": _NEWEST,
    "created_at": _OLDEST,
    "-id": _NEWEST,
    "id": _OLDEST,
}


class JobFilter(filters.FilterSet):
    """The parameters of `GET /api/jobs`."""

    status = filters.MultipleChoiceFilter(
        choices=[(each, each) for each in STATUSES], help_text="May be given several times."
    )
    agent = filters.CharFilter(help_text="Exactly this agent.")
    tag = filters.CharFilter(method="with_tag", help_text="Jobs that carry this tag.")
    requester = filters.CharFilter(help_text="Id of the user who asked.")
    created_after = filters.IsoDateTimeFilter(field_name="created_at", lookup_expr="gte")
    created_before = filters.IsoDateTimeFilter(field_name="created_at", lookup_expr="lt")

    class Meta:
        model = Job
        fields: tuple[str, ...] = ()

    def with_tag(self, jobs: QuerySet[Job], name: str, value: str) -> QuerySet[Job]:
        """Those with the tag."""
        return tagged(jobs, value)


PARAMETERS = (*JobFilter.base_filters, "ordering")


def filtered(jobs: QuerySet[Job], query: Any) -> tuple[QuerySet[Job], tuple[str, str]]:
    """The jobs that a query asks for, and in which order.

    Raises:
        Invalid: a filter has a value that it cannot have, named.
    """
    ordering = ORDERINGS.get(query.get("ordering", "-created_at"))
    errors = {} if ordering else {"ordering": [f"there is {', '.join(ORDERINGS)}"]}
    chosen = JobFilter(query, queryset=jobs)
    if chosen.is_valid() and ordering:
        return chosen.qs, ordering
    errors.update({name: [str(each) for each in found] for name, found in chosen.errors.items()})
    listed = [{"loc": [name], "msg": message} for name, found in errors.items() for message in found]
    raise Invalid(f"{listed[0]['loc'][0]}: {listed[0]['msg']}", errors=listed)
