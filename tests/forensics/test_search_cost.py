"""Searches go by indexes, and their pages stay right while rows come."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.db import connection, transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from forensics import search
from jobs.core.chain import canonical
from jobs.core.moments import plus
from jobs.models import Event
from ledger.models import Invocation
from tests.forensics.accessing import a_tenant
from tests.forensics.searching import SCRIBE, Record

pytestmark = pytest.mark.usefixtures("fresh_database", "here")  # its events belong to no job

START = "2026-01-05T09:00:00.000000Z"
BIG = ("aetheris_jobs_event", "aetheris_ledger_invocation", "aetheris_forensics_mention", "aetheris_jobs_job",
       "aetheris_jobs_approval")  # fmt: skip


def _event(tenant: str, job: UUID, seq: int, type: str, at: str, body: Any = None) -> Event:
    return Event(job_id=job, seq=seq, tenant=tenant, type=type, at=at, body=canonical(body or {}), salt="0" * 32,
                 digest="0" * 64, prev="0" * 64, hash="0" * 64)  # fmt: skip


# --- paging --------------------------------------------------------------------------------------------

TYPES = ("node_started", "node_finished", "job_failed")
ROWS = st.lists(st.tuples(st.sampled_from(TYPES), st.integers(0, 5)), max_size=12)


class Growing:
    """A tenant whose events come at any moment, earlier ones too, as from clocks that differ a little."""

    def __init__(self) -> None:
        self.tenant, self.job, self.seq = a_tenant(), uuid4(), 0

    def grow(self, rows: list[tuple[str, int]]) -> None:
        for type, second in rows:
            self.seq += 1
            job = self.job if self.seq % 2 else uuid4()
            _event(self.tenant, job, self.seq, type, plus(START, second)).save()

    def there(self, types: tuple[str, ...]) -> set[str]:
        rows = Event.objects.filter(tenant=self.tenant, type__in=types)
        return {f"{row.job_id}#{row.seq}" for row in rows}


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    before=ROWS,
    more=st.lists(ROWS, max_size=4),
    limit=st.integers(1, 4),
    types=st.sets(st.sampled_from(TYPES)),
)
def test_what_was_there_is_found_once_however_many_rows_come_meanwhile(
    before: list[tuple[str, int]], more: list[list[tuple[str, int]]], limit: int, types: set[str]
) -> None:
    ground = Growing()
    ground.grow(before)
    asked = {"type": ",".join(sorted(types))} if types else {}
    there = ground.there(tuple(types) or TYPES)
    seen, cursor, coming = [], None, iter(more)
    while True:
        page = search.search(ground.tenant, asked, cursor, limit)
        seen += [each["id"] for each in page["results"]]
        assert len(page["results"]) <= limit
        cursor = page["next"]
        if cursor is None:
            break
        ground.grow(next(coming, []))
    assert len(seen) == len(set(seen))
    assert there <= set(seen)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=ROWS, limit=st.integers(1, 4))
def test_going_back_shows_the_same_pages(rows: list[tuple[str, int]], limit: int) -> None:
    ground = Growing()
    ground.grow(rows)
    forward: list[list[str]] = []
    page = search.search(ground.tenant, {}, None, limit)
    while page["results"]:
        forward.append([each["id"] for each in page["results"]])
        if page["next"] is None:
            break
        page = search.search(ground.tenant, {}, page["next"], limit)
    backward = [forward[-1]] if forward else []
    while page["previous"]:
        page = search.search(ground.tenant, {}, page["previous"], limit)
        backward.append([each["id"] for each in page["results"]])
    assert backward[::-1] == forward


def test_a_cursor_serves_its_own_search_only() -> None:
    ground = Growing()
    ground.grow([("job_failed", each) for each in range(4)])
    cursor = search.search(ground.tenant, {}, None, 2)["next"]
    for given_, wrong in (
        ({"type": "job_failed"}, cursor),
        ({}, "x"),
        ({}, f"{cursor}x"),
        ({"of": "jobs"}, cursor),
        ({}, "bnVsbA"),
    ):
        with pytest.raises(Exception, match="begin again without it"):
            search.search(ground.tenant, given_, wrong, 2)


# --- indexes -------------------------------------------------------------------------------------------


def _statements(work: Callable[[], Any]) -> list[tuple[str, Any]]:
    seen: list[tuple[str, Any]] = []

    def note(run: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if sql.startswith("SELECT"):
            seen.append((sql, params))
        return run(sql, params, many, context)

    with connection.execute_wrapper(note):
        work()
    return seen


def _whole(sql: str, params: Any) -> list[str]:
    """Tables that a statement would read whole, for want of an index."""
    with transaction.atomic(), connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(
                "SET LOCAL enable_seqscan = off"
            )  # the tables of a test are too small to be worth an index
            cursor.execute("EXPLAIN (FORMAT JSON) " + sql, params)
            told = cursor.fetchone()[0]
            plan = json.loads(told) if isinstance(told, str) else told
            return [each["Relation Name"] for each in _nodes(plan[0]["Plan"]) if _reads_all(each)]
        cursor.execute("EXPLAIN QUERY PLAN " + sql, params)
        lines = [str(row[3]) for row in cursor.fetchall()]
    return [line for line in lines if line.startswith("SCAN") and any(name in line for name in BIG)]


def _nodes(node: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield node
    for each in node.get("Plans", []):
        yield from _nodes(each)


def _reads_all(node: dict[str, Any]) -> bool:
    if node.get("Relation Name") not in BIG:
        return False
    return node["Node Type"] == "Seq Scan" or ("Index" in node["Node Type"] and not node.get("Index Cond"))


ASKED: list[dict[str, str]] = [
    {"of": of, **given_}
    for of in search.TARGETS
    for given_ in (
        {}, {"since": "1d"}, {"until": "1h"}, {"job": "{paid}"}, {"invocation": "{call}"}, {"tag": "gold"},
        {"requester": "Ann"}, {"actor": "Bea"}, {"approver": "Bea"}, {"document": "D-1"}, {"model": SCRIBE},
        {"tool": "refund_card"}, {"tool": "refund*"}, {"key": "{key}"}, {"status": "completed"}, {"agent": "drawn"},
        {"text": "pay it", "since": "1d"}, {"agent": "drawn", "status": "completed", "since": "1d"},
    )
] + [
    {"of": "events", "type": "job_failed"}, {"of": "events", "type": "node_started", "status": "completed"},
    {"of": "events", "step_outcome": "permanent"}, {"of": "effects", "state": "landed"}, {"of": "effects", "tool": "refund*", "state": "landed"},
    {"of": "approvals", "state": "open"}, {"of": "jobs", "version": "1", "agent": "drawn"},
]  # fmt: skip


def test_no_filter_reads_a_table_whole() -> None:
    record = Record(a_tenant())
    names = {"paid": record.paid, "key": f"refund:A-{record.tenant}"}
    names["call"] = str(Invocation.objects.get(job_id=record.paid, tool="refund_card").id)
    search.catch_up()
    for asked in ASKED:
        given_ = {name: value.format(**names) for name, value in asked.items()}
        first = search.search(record.tenant, given_, None, 1)
        assert _read_whole(record.tenant, given_, None) == [], given_
        assert _read_whole(record.tenant, given_, first["next"]) == [], given_


def _read_whole(tenant: str, asked: dict[str, str], cursor: str | None) -> list[str]:
    """What a page of a search would read whole; the highest id is the end of its index, and no such reading."""
    ran = _statements(lambda: search.search(tenant, asked, cursor, 1))
    return [found for sql, params in ran if "MAX(" not in sql for found in _whole(sql, params)]


def test_a_page_costs_the_same_statements_however_many_rows_there_are() -> None:
    ground = Growing()
    ground.grow([("job_failed", 1)] * 3)
    few = len(_statements(lambda: search.search(ground.tenant, {"type": "job_failed"}, None, 2)))
    ground.grow([("job_failed", 1)] * 300)
    assert len(_statements(lambda: search.search(ground.tenant, {"type": "job_failed"}, None, 2))) == few
