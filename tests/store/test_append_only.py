"""Law L2: an event, once written, is neither changed nor removed, whoever asks."""

from __future__ import annotations

import pytest
from django.db import DatabaseError, connection

from jobs.models import Event
from tests.factories import a_job
from tests.store.audit import check, events_of


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE aetheris_jobs_event SET body = '{}' WHERE id = %s",
        "UPDATE aetheris_jobs_event SET salt = NULL, body = NULL WHERE id = %s",
        "DELETE FROM aetheris_jobs_event WHERE id = %s",
    ],
)
def test_an_event_is_neither_changed_nor_removed(engine_db: str, statement: str) -> None:
    job = a_job()
    event = events_of(job)[0]
    with pytest.raises(DatabaseError, match="append-only"), connection.cursor() as cursor:
        cursor.execute(statement, [event.pk])
    assert [each.pk for each in events_of(job)] == [event.pk]
    check(job)


def test_the_whole_table_is_not_emptied(engine_db: str) -> None:
    job = a_job()
    statement = (
        "TRUNCATE aetheris_jobs_event"
        if connection.vendor == "postgresql"
        else "DELETE FROM aetheris_jobs_event"
    )
    with pytest.raises(DatabaseError, match="append-only"), connection.cursor() as cursor:
        cursor.execute(statement)
    check(job)


def test_two_events_never_share_a_number(engine_db: str) -> None:
    first = events_of(a_job())[0]
    first.pk = None
    with pytest.raises(DatabaseError):
        Event.objects.bulk_create([first])
