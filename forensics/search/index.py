"""The index of mentions, filled from the event table as it grows; it may be thrown away and filled anew.

Events are read by their ids. A transaction may take an id and commit late, so that ids below the highest one read are
missing for a while: such holes are kept and looked into again until nobody can fill them any more.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db import connection, transaction
from django.db.models import Max, Q

from jobs import clock
from jobs.core.moments import parse, text
from jobs.models import Event
from jobs.turns import turn

from ..models import IndexState, Mention
from .mentions import mentions_of

NAME = "mentions.3"  # with another number all events are read anew
BATCH = 1000  # events of one transaction
PATIENCE = timedelta(seconds=120)  # far above the time that a commit may take
MOST_HOLES = 500
ROWS = ("id", "tenant", "type", "at", "job_id", "seq", "body")

Hole = tuple[int, int, str]


def catch_up(most: int = 20_000) -> int:
    """Read events into the index until it is up to date, or `most` of them have been read.

    Returns:
        How many were read. Somebody else who is at it already counts as nothing to do.
    """
    read = 0
    while read < most:
        found = _batch()
        read += found
        if found < BATCH:
            break
    return read


def behind() -> int:
    """How many events, at most, the index does not know yet."""
    reached = IndexState.objects.filter(name=NAME).values_list("reached", flat=True).first() or 0
    return max(0, (Event.objects.aggregate(last=Max("id"))["last"] or 0) - reached)


def _batch() -> int:
    with turn(), transaction.atomic():
        state = _state()
        if state is None:
            return 0
        holes = _holes(state)
        late = list(_rows(_inside(holes))) if holes else []
        fresh = list(_rows(Q(id__gt=state.reached))[:BATCH])
        _write([*late, *fresh])
        _forget_erased([*late, *fresh])
        ids = [row[0] for row in fresh]
        left = _without(holes, {row[0] for row in late}) + _gaps(state.reached, ids)
        reached = ids[-1] if ids else state.reached
        now = clock.now()
        IndexState.objects.filter(name=NAME).update(reached=reached, holes=_still_open(left, now), at=now)
        return len(fresh)


def _state() -> IndexState | None:
    """How far the index is, locked; None while another process reads."""
    IndexState.objects.bulk_create([IndexState(name=NAME)], ignore_conflicts=True)
    rows = IndexState.objects.select_for_update(
        skip_locked=connection.features.has_select_for_update_skip_locked
    )
    return rows.filter(name=NAME).first()


def _rows(where: Q) -> Any:
    return Event.objects.filter(where).order_by("id").values_list(*ROWS)


def _write(rows: Iterable[Sequence[Any]]) -> None:
    made = [
        Mention(tenant=tenant, kind=kind, value=value, at=at, job_id=job, seq=seq)
        for _, tenant, type, at, job, seq, body in rows
        for kind, value in mentions_of(type, _read(body))
    ]
    Mention.objects.bulk_create(made, batch_size=500, ignore_conflicts=True)


def _read(body: str | None) -> dict[str, Any] | None:
    """The stored body; one that somebody has spoiled names nothing, and verification says where it is."""
    try:
        found = json.loads(body) if body else None
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _forget_erased(rows: Iterable[Sequence[Any]]) -> None:
    """What an erased body named is not named any more, but for other jobs: ids are no content."""
    for job in {row[4] for row in rows if row[2] == "payload_erased"}:
        erased = Event.objects.filter(job_id=job, body__isnull=True).values("seq")
        Mention.objects.filter(job_id=job, seq__in=erased).exclude(kind="job").delete()


def _holes(state: IndexState) -> list[Hole]:
    return [(first, last, at) for first, last, at in json.loads(state.holes)]


def _inside(holes: Iterable[Hole]) -> Q:
    where = Q(pk__in=[])
    for first, last, _ in holes:
        where |= Q(id__gte=first, id__lte=last)
    return where


def _without(holes: Iterable[Hole], found: set[int]) -> list[Hole]:
    """The holes less the ids that have come since."""
    left: list[Hole] = []
    for first, last, at in holes:
        start = first
        for id in sorted(each for each in found if first <= each <= last):
            left += [(start, id - 1, at)] if id > start else []
            start = id + 1
        left += [(start, last, at)] if start <= last else []
    return left


def _gaps(reached: int, ids: Sequence[int]) -> list[Hole]:
    """Ids that are missing between those that were read."""
    now, found, last = text(clock.now()), [], reached
    for id in ids:
        if id > last + 1:
            found.append((last + 1, id - 1, now))
        last = id
    return found


def _still_open(holes: Sequence[Hole], now: datetime) -> str:
    fresh = [hole for hole in holes if now - parse(hole[2]) < PATIENCE]
    return json.dumps(fresh[-MOST_HOLES:])
