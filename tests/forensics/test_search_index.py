"""The index of what events name: whatever order events commit in, it has each once, and nothing that was erased."""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.db import connection
from hypothesis import given
from hypothesis import strategies as st

from forensics import search, tasks
from forensics.models import IndexState, Mention
from forensics.search import index
from jobs import clock
from jobs.core.chain import canonical
from jobs.core.moments import plus, text
from jobs.models import Event
from tests.forensics.accessing import a_tenant
from tests.forensics.searching import Record

pytestmark = pytest.mark.usefixtures("fresh_database", "here")  # its events belong to no job

START = "2026-01-05T09:00:00.000000Z"


def _event(tenant: str, job: UUID, seq: int, type: str, at: str, body: Any = None) -> Event:
    return Event(job_id=job, seq=seq, tenant=tenant, type=type, at=at, body=canonical(body or {}), salt="0" * 32,
                 digest="0" * 64, prev="0" * 64, hash="0" * 64)  # fmt: skip


def _named(tenant: str) -> set[tuple[str, str]]:
    return set(Mention.objects.filter(tenant=tenant).values_list("kind", "value"))


def _born(tenant: str, id: int | None = None) -> Event:
    body = {"actor": {"id": "u", "name": "Una", "kind": "user"}, "tags": []}
    event = _event(tenant, uuid4(), 1, "job_created", text(clock.now()), body)
    event.id = id  # None: the database's own
    event.save(force_insert=True)
    return event


def test_reading_events_again_changes_nothing() -> None:
    record = Record(a_tenant())
    search.catch_up()
    before = list(Mention.objects.filter(tenant=record.tenant).order_by("pk").values_list())
    IndexState.objects.filter(name=index.NAME).update(reached=0, holes="[]")
    search.catch_up()
    assert list(Mention.objects.filter(tenant=record.tenant).order_by("pk").values_list()) == before
    assert index.behind() == 0


def test_the_task_reads_what_is_new() -> None:
    tenant = a_tenant()
    _born(tenant)
    tasks.index()
    assert _named(tenant)


def test_an_event_that_commits_late_is_found_all_the_same() -> None:
    tenant = a_tenant()
    search.catch_up()
    last = _born(tenant)
    late = last.id + 1
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SELECT nextval(pg_get_serial_sequence('aetheris_jobs_event', 'id'))")
        else:
            cursor.execute("UPDATE sqlite_sequence SET seq = %s WHERE name = 'aetheris_jobs_event'", [late])
    newer = a_tenant()
    _born(newer)
    search.catch_up()
    assert _named(newer)
    other = a_tenant()
    _born(other, late)  # its transaction had taken the id before
    search.catch_up()
    assert _named(other) == _named(newer)
    assert json.loads(IndexState.objects.get(name=index.NAME).holes) == []


def test_a_hole_that_nobody_can_fill_any_more_is_given_up() -> None:
    now = text(clock.now())
    old = plus(now, -200)
    assert json.loads(index._still_open([(5, 6, old), (9, 9, now)], clock.now())) == [[9, 9, now]]


@given(
    holes=st.sets(st.integers(1, 30)).map(sorted),
    found=st.sets(st.integers(1, 30)),
)
def test_holes_shrink_by_exactly_what_was_found(holes: list[int], found: set[int]) -> None:
    ranges = [(each, each, START) for each in holes]
    joined = [(1, 30, START)]
    left = {id for first, last, _ in index._without(ranges, found) for id in range(first, last + 1)}
    assert left == set(holes) - found
    rest = {id for first, last, _ in index._without(joined, found) for id in range(first, last + 1)}
    assert rest == set(range(1, 31)) - found


def test_a_spoiled_body_names_nothing_and_stops_nobody() -> None:
    tenant = a_tenant()
    event = _event(tenant, uuid4(), 1, "job_created", START)
    event.body = "{no json"
    event.save()
    _born(tenant)
    search.catch_up()
    assert ("requester", "Una") in _named(tenant)
    assert len(search.search(tenant, {"of": "events"})["results"]) == 2


def test_what_an_erased_body_named_is_named_no_more() -> None:
    tenant, job = a_tenant(), uuid4()
    gone = _event(tenant, job, 1, "job_created", START)
    gone.body = gone.salt = None
    gone.save()
    kinds = {"tenant": tenant, "at": START, "job_id": job, "value": "Una"}
    Mention.objects.create(kind="actor", seq=1, **kinds)
    Mention.objects.create(kind="actor", seq=2, **kinds)
    _event(tenant, job, 2, "payload_erased", START, {"seq": 1}).save()
    search.catch_up()
    assert list(Mention.objects.filter(tenant=tenant).values_list("seq", flat=True)) == [2]
