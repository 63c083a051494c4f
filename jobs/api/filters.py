"""Which jobs a list shows."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from django_filters import rest_framework as filters  # type: ignore[import-untyped]  # it ships no types

from ..core.errors import Invalid
from ..models import Job
from ..queries.jobs import STATUSES, tagged

ORDERINGS = ("-id", "id")  # ids are in order of creation


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


def filtered(jobs: QuerySet[Job], query: Any) -> tuple[QuerySet[Job], str]:
    """The jobs that a query asks for, and in which order.

    Raises:
        Invalid: a filter has a value that it cannot have, named.
    """
    ordering = query.get("ordering", ORDERINGS[0])
    errors = {} if ordering in ORDERINGS else {"ordering": [f"there is {' and '.join(ORDERINGS)}"]}
    chosen = JobFilter(query, queryset=jobs)
    if chosen.is_valid() and not errors:
        return chosen.qs, ordering
    errors.update({name: [str(each) for each in found] for name, found in chosen.errors.items()})
    listed = [{"loc": [name], "msg": message} for name, found in errors.items() for message in found]
    raise Invalid(f"{listed[0]['loc'][0]}: {listed[0]['msg']}", errors=listed)
