"""A SQLite file that may not grow: a commit that finds no room is written whole or not at all."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.db import OperationalError, connection

from jobs import store
from jobs.core.commands import SendSignal
from jobs.outage import in_a_line, no_room
from tests.factories import a_job, a_planned_job, a_worker, claim, one_tool, person, told
from tests.store.audit import check, events_of, kinds_of

BIG = "x" * 60_000


@contextmanager
def no_more_pages() -> Iterator[dict[str, Any]]:
    """Every connection that is opened meanwhile finds the file as large as it may be; undone by clearing `options`."""
    if connection.vendor != "sqlite":
        pytest.skip("a server's pages are not limited from here")
    options = connection.settings_dict["OPTIONS"]
    usual = options["init_command"]
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA page_count")
        pages = cursor.fetchone()[0]
    connection.close()
    options["init_command"] = f"{usual}PRAGMA max_page_count={pages};"
    try:
        yield options
    finally:
        options["init_command"] = usual
        connection.close()


def letter(name: str) -> SendSignal:
    return SendSignal("go", BIG, name, person())


def fill(job: str) -> OperationalError:
    """Signal until there is no room."""
    try:
        for number in range(100):
            store.commit(job, letter(f"{number}"))
    except OperationalError as full:
        return full
    raise AssertionError("there is room for all")


def test_a_verb_that_finds_no_room_says_so_and_leaves_nothing(engine_db: str) -> None:
    job = a_job()
    with no_more_pages():
        full = fill(job)
        assert no_room(full)
        assert in_a_line(full).startswith("database or disk is full, /")
        check(job)
    before = len(events_of(job))
    store.commit(job, letter("later"))
    assert len(events_of(job)) == before + 1
    check(job)


def test_an_outcome_that_finds_no_room_is_written_once_there_is_some(engine_db: str) -> None:
    worker = a_worker()
    job = a_planned_job(one_tool(), worker)
    fence, other = claim(job, worker), a_job()
    asked: list[int] = []
    with no_more_pages() as options:
        fill(other)

        def patience() -> bool:
            asked.append(1)
            options["init_command"] = options["init_command"].partition("PRAGMA max_page")[0]
            return True

        store.commit(job, told(fence, BIG), patience=patience)
    assert len(asked) == 1
    assert kinds_of(job).count("tool_invocation_finished") == 1
    check(job)
