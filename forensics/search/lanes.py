"""Lanes: rows in the order of an index. A search is answered from a few of them, merged, and never reads a table whole."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from heapq import merge
from itertools import islice
from typing import Any, ClassVar

from django.db.models import Exists, Model, OuterRef, Q, QuerySet

from jobs.models import Approval, Event, Job
from ledger.models import Invocation

from ..models import Mention

Key = tuple[Any, ...]
MOST_NAMES = 500  # tools of one tenant that a search looks through


@dataclass(frozen=True)
class Target:
    """One kind of row that is searched for: `key` is its order, time first and unique as a whole."""

    model: type[Model]
    key: tuple[str, ...]

    @property
    def time(self) -> str:
        """The column that time filters mean."""
        return self.key[0]

    @property
    def of_job(self) -> str:
        """The column that names the job."""
        return "id" if self.model is Job else "job_id"


TARGETS: dict[str, Target] = {
    "events": Target(Event, ("at", "job_id", "seq")),
    "jobs": Target(Job, ("created_at", "id")),
    "effects": Target(Invocation, ("promised_at", "id")),
    "approvals": Target(Approval, ("requested_at", "id")),
}


@dataclass(frozen=True)
class Lane:
    """Rows that one index gives in order.

    Args:
        rows: the rows, or the mentions of them.
        key: the order.
        by: the one column of the key that gives the same order within this lane: events of one job by their number.
    """

    rows: QuerySet[Any]
    key: tuple[str, ...]
    by: str = ""

    def where(self, condition: Q) -> Lane:
        """The lane with a condition on its rows; one of mentions looks at the events behind them."""
        if not condition:
            return self
        if self.rows.model is not Mention:
            return replace(self, rows=self.rows.filter(condition))
        behind = Event.objects.filter(job_id=OuterRef("job_id"), seq=OuterRef("seq")).filter(condition)
        return replace(self, rows=self.rows.filter(Exists(behind)))

    def between(self, since: Any, until: Any) -> Lane:
        """The lane from one moment to another; either may be None."""
        rows = self.rows
        if since is not None:
            rows = rows.filter(**{f"{self.key[0]}__gte": since})
        if until is not None:
            rows = rows.filter(**{f"{self.key[0]}__lt": until})
        return replace(self, rows=rows)

    def count(self, most: int) -> int:
        """How many rows it has, as far as `most`."""
        return self.rows.order_by()[:most].count()

    def keys(self, behind: Key | None, limit: int, *, forward: bool) -> list[Key]:
        """The first keys behind a place: the newest first, or backward the oldest first."""
        columns = (self.by,) if self.by else self.key
        place = (behind[self.key.index(self.by)],) if behind and self.by else behind
        rows = self.rows if place is None else self.rows.filter(_beyond(columns, place, forward=forward))
        order = [f"-{name}" if forward else name for name in columns]
        return list(rows.order_by(*order).values_list(*self.key)[:limit])


def _beyond(names: Sequence[str], place: Key, *, forward: bool) -> Q:
    """Rows behind a place in the order. The first column stands alone too, so that an index can be entered there."""
    than = "lt" if forward else "gt"
    found = Q()
    for index, name in enumerate(names):
        before = {each: value for each, value in zip(names[:index], place, strict=False)}
        found |= Q(**before, **{f"{name}__{than}": place[index]})
    return found & Q(**{f"{names[0]}__{than}e": place[0]})


def merged(lanes: Iterable[Lane], behind: Key | None, limit: int, *, forward: bool) -> list[Key]:
    """The first keys of all lanes together, each once, in order."""
    each = [lane.keys(behind, limit, forward=forward) for lane in lanes]
    found: list[Key] = []
    for key in merge(*each, reverse=forward):
        if not found or found[-1] != key:
            found.append(key)
        if len(found) == limit:
            break
    return found


def names_in(rows: QuerySet[Any], column: str, fits: Callable[[str], bool]) -> list[str]:
    """Every different value of an indexed column, by leaps from one to the next: as many look-ups as values."""
    return list(islice((each for each in _leaps(rows, column) if fits(each)), MOST_NAMES))


def _leaps(rows: QuerySet[Any], column: str) -> Iterable[str]:
    ordered = rows.order_by(column).values_list(column, flat=True)
    found = ordered.first()
    while found is not None:
        yield found
        found = ordered.filter(**{f"{column}__gt": found}).first()


class Alternative:
    """One filter that an index serves: its lanes alone give every row that the filter lets through."""

    enough: ClassVar[int] = 50_000

    def __init__(self, name: str, lanes: list[Lane], condition: Q | None = None) -> None:
        self.name = name
        self.lanes = lanes
        self.condition = condition if condition is not None else Q()

    def size(self) -> int:
        """How many rows it would read, as far as one above what a search may read."""
        total = 0
        for lane in self.lanes:
            total += lane.count(self.enough + 1 - total)
            if total > self.enough:
                break
        return total


def as_column(target: Target, at: str | None) -> Any:
    """Event time as the target's time column has it."""
    if at is None or target.model is Event:
        return at
    return datetime.fromisoformat(at)
