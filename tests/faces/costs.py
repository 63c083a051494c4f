"""What a page reads: every query that it makes, asked again, with the rows that the database looks at to answer it.

Postgres tells rows by EXPLAIN ANALYZE: those that a scan gives and those that a filter drops. SQLite tells steps of its
virtual machine, some ten for a row.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from django.db import connection
from django.test import Client

EVERY = 100  # steps between two looks at SQLite's machine


@dataclass
class Cost:
    """What one page cost.

    Args:
        queries: how many it made.
        rows: what each question read, the most first: rows (Postgres), hundreds of steps (SQLite).
    """

    queries: int = 0
    rows: list[tuple[int, str]] = field(default_factory=list)

    @property
    def most(self) -> int:
        """Of the question that read most."""
        return self.rows[0][0] if self.rows else 0

    @property
    def all(self) -> int:
        """Of all together."""
        return sum(each for each, _ in self.rows)


def cost(browser: Client, url: str) -> Cost:
    """Open a page, and look at what it asks.

    Raises:
        AssertionError: it is no page.
    """
    browser.get(url)  # whatever is remembered is remembered now
    with _asked() as asked:
        answer = browser.get(url)
    assert answer.status_code == 200, (url, answer.status_code)
    found = Cost(len(asked))
    for sql, params in asked:
        if sql.lstrip().upper().startswith(("SELECT", "WITH")):
            found.rows.append((_read(sql, params), sql))
    found.rows.sort(key=lambda each: -each[0])
    return found


@contextmanager
def _asked() -> Iterator[list[tuple[str, Any]]]:
    asked: list[tuple[str, Any]] = []

    def note(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        asked.append((sql, params))
        return execute(sql, params, many, context)

    with connection.execute_wrapper(note):
        yield asked


def _read(sql: str, params: Any) -> int:
    return _steps(sql, params) if connection.vendor == "sqlite" else _scanned(sql, params)


def _scanned(sql: str, params: Any) -> int:
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN (ANALYZE, TIMING OFF, FORMAT JSON) {sql}", params)
        told = cursor.fetchone()[0]
    plan = json.loads(told) if isinstance(told, str) else told
    return _looked_at(plan[0]["Plan"])


def _looked_at(plan: dict[str, Any]) -> int:
    own = 0
    if "Relation Name" in plan or plan["Node Type"] == "Bitmap Index Scan":
        dropped = plan.get("Rows Removed by Filter", 0) + plan.get("Rows Removed by Index Recheck", 0)
        own = round((plan["Actual Rows"] + dropped) * plan["Actual Loops"])
    return own + sum(_looked_at(each) for each in plan.get("Plans", ()))


def _steps(sql: str, params: Any) -> int:
    seen = 0

    def look() -> int:
        nonlocal seen
        seen += 1
        return 0

    connection.connection.set_progress_handler(look, EVERY)
    try:
        with connection.cursor() as cursor:
            cursor.execute(sql, params)
            cursor.fetchall()
    finally:
        connection.connection.set_progress_handler(None, 0)
    return seen


def pages(tenant: str) -> list[str]:
    """The lists of all faces, with filters, searches and a place deep in them."""
    from jobs.core.moments import text
    from jobs.models import Job

    rows = Job.objects.filter(tenant=tenant).order_by("-created_at", "-id")
    middle = rows[min(rows.count() // 2, 50_000)]
    after = f"{text(middle.created_at)}~{middle.id}"
    console = [
        "/", "/jobs", "/jobs?status=parked", "/jobs?status=running", "/jobs?agent=seed-refund", "/jobs?agent=nobody",
        "/jobs?status=failed&agent=seed-refund", "/jobs?status=failed&agent=nobody", f"/jobs?id={str(middle.id)[:13]}",
        f"/jobs?after={after}", f"/jobs?status=completed&after={after}", "/approvals", "/approvals?box=open",
        "/approvals?box=closed", f"/approvals?box=closed&after={after}", "/effects", f"/jobs/{middle.id}",
    ]  # fmt: skip
    admin = [
        "aetheris_jobs/job/", "aetheris_jobs/job/?p=3", "aetheris_jobs/job/?status=parked",
        f"aetheris_jobs/job/?q={middle.id}", "aetheris_jobs/approval/", "aetheris_jobs/approval/?inbox=all",
        "aetheris_ledger/invocation/", "aetheris_ledger/invocation/?state=any", "aetheris_ledger/invocation/?state=landed",
        f"aetheris_ledger/invocation/?state=any&q={middle.id}", f"aetheris_jobs/job/{middle.id}/change/",
    ]  # fmt: skip
    api = [
        "jobs", "jobs?status=parked", "jobs?agent=seed-refund", "jobs?status=failed&agent=nobody", "approvals",
        "approvals?state=open", "approvals?mine=true", "unresolved", f"jobs/{middle.id}", f"jobs/{middle.id}/events",
        "system/stuck",
    ]  # fmt: skip
    return [*console, *(f"/admin/{each}" for each in admin), *(f"/api/{each}" for each in api)]
