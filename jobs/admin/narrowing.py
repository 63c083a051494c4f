"""Ways to narrow a list of jobs: the inbox of trouble, and a drill-down by date that counts nothing."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest

from jobs import clock
from jobs.models import Job
from jobs.queries import stuck

from .desk import actor_on

_DATE = re.compile(r"(\d{4})(?:-(\d{2}))?(?:-(\d{2}))?")


class TroubleFilter(admin.SimpleListFilter):
    """The inbox of jobs that need somebody: failed, or standing still against expectation."""

    title = "inbox"
    parameter_name = "inbox"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("trouble", "Failed and stuck"), ("stuck", "Stuck")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Job]) -> QuerySet[Job]:
        if self.value() not in ("trouble", "stuck"):
            return queryset
        still = {each["job"] for each in stuck(actor_on(request).tenant) if each.get("job")}
        found = Q(pk__in=still)
        return queryset.filter(found | Q(status="failed") if self.value() == "trouble" else found)


class CreatedFilter(admin.SimpleListFilter):
    """By the day of creation, in UTC: years, then the months of one, then its days. It reads one row to know the years."""

    title = "created"
    parameter_name = "created"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        chosen = _span(self.value())
        if chosen is None:
            rows = Job.objects.filter(tenant=actor_on(request).tenant).order_by("created_at", "id")
            oldest = rows.values_list("created_at", flat=True).first()
            now = clock.now()
            years = range(now.year, (oldest or now).year - 1, -1)
            return [(f"{now:%Y-%m-%d}", "Today"), *((str(year), str(year)) for year in years)]
        return list(_around(str(self.value()), chosen))

    def queryset(self, request: HttpRequest, queryset: QuerySet[Job]) -> QuerySet[Job]:
        chosen = _span(self.value())
        if chosen is None:
            return queryset
        return queryset.filter(created_at__gte=chosen[0], created_at__lt=chosen[1])


def _span(text: str | None) -> tuple[datetime, datetime] | None:
    """The time that a year, a month or a day is; None for anything else."""
    found = _DATE.fullmatch(text or "")
    if found is None:
        return None
    try:
        begin = datetime(int(found[1]), int(found[2] or 1), int(found[3] or 1), tzinfo=UTC)
        if found[3]:
            return begin, begin + timedelta(days=1)
        if found[2]:
            return begin, datetime(begin.year + begin.month // 12, begin.month % 12 + 1, 1, tzinfo=UTC)
        return begin, datetime(begin.year + 1, 1, 1, tzinfo=UTC)
    except (ValueError, OverflowError):
        return None


def _around(text: str, chosen: tuple[datetime, datetime]) -> Iterator[tuple[str, str]]:
    """What stands above the choice, the choice, and what it is divided into."""
    parts = text.split("-")
    for size in range(1, min(len(parts), 2) + 1):
        part = "-".join(parts[:size])
        yield part, part
    if len(parts) == 1:
        yield from ((f"{text}-{month:02}", f"{text}-{month:02}") for month in range(1, 13))
        return
    month = _span("-".join(parts[:2]))
    days = (month[1] - month[0]).days if month else 0
    yield from ((f"{parts[0]}-{parts[1]}-{day:02}", str(day)) for day in range(1, days + 1))
