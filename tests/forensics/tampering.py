"""Tamper with the rows of a job, behind the back of every guard; nothing of it stays."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from django.db import connection, transaction
from django.db.models import Field, Model

from forensics.inspection.unbound import COLUMNS as UNBOUND
from forensics.services import verify_job
from jobs.core.chain import GENESIS, body_digest, link
from jobs.models import Event, Job

TRIGGERS = {
    "sqlite": [
        "DROP TRIGGER aetheris_event_no_update",
        "DROP TRIGGER aetheris_event_no_delete",
        "DROP TRIGGER aetheris_event_no_replace",
    ],
    "postgresql": [
        "DROP TRIGGER aetheris_event_append_only ON aetheris_jobs_event",
        "DROP TRIGGER aetheris_event_whole ON aetheris_jobs_event",
    ],
}


@contextmanager
def unguarded() -> Iterator[None]:
    """Without the triggers that keep events append-only; everything is taken back at the end."""
    with transaction.atomic():
        with connection.cursor() as cursor:
            for statement in TRIGGERS[connection.vendor]:
                cursor.execute(statement)
        yield
        transaction.set_rollback(True)


@contextmanager
def taken_back() -> Iterator[None]:
    """Take back what the block changes, even if the database refused it."""
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


def problem_of(job: str) -> tuple[str, int] | None:
    """The kind and the number of what `verify` finds."""
    found = verify_job(job)
    assert found["ok"] is (found["problem"] is None)
    return (found["problem"]["kind"], found["problem"]["seq"]) if found["problem"] else None


def columns_of(model: type[Model]) -> list[str]:
    """The columns of a table that events speak of."""
    names = [field.attname for field in model._meta.concrete_fields]
    return [name for name in names if (model._meta.db_table, name) not in UNBOUND]


def another(row: Model, column: str) -> Any:
    """A value that the column takes, and that the row does not have."""
    field = row._meta.get_field(column)
    assert isinstance(field, Field)
    value, kind = getattr(row, column), field.get_internal_type()
    match value:
        case bool():
            return not value
        case int():
            return value + 1
        case datetime():
            return value + timedelta(microseconds=1)
        case UUID():
            return uuid4()
        case str():
            return _other_text(row, column, value, field.max_length)
    if kind == "DateTimeField":
        return datetime.fromisoformat("2026-01-05T09:00:00+00:00")
    return uuid4() if kind == "UUIDField" else "0" * (field.max_length or 1)


def _other_text(row: Model, column: str, value: str, limit: int | None) -> str:
    states = {"Step": ("ready", "parked"), "Invocation": ("unknown", "given_up")}
    if column == "state" and type(row).__name__ in states:
        return next(each for each in states[type(row).__name__] if each != value)
    if limit is not None and len(value) >= limit:
        return value[:-1] + ("0" if value[-1] != "0" else "1")
    return value + "x"


def put(row: Model, **columns: Any) -> None:
    """Write columns of one row as they are given."""
    assert type(row)._default_manager.filter(pk=row.pk).update(**columns) == 1


def events_of(job: str) -> list[Event]:
    """The events of a job in their order."""
    return list(Event.objects.filter(job_id=job).order_by("seq"))


def rechain(job: str) -> None:
    """Forge: link every event of the job anew, and give the job row the new head."""
    last = GENESIS
    for event in events_of(job):
        digest = event.digest
        if event.body is not None and event.salt is not None:
            digest = body_digest(event.salt, event.body)
        hashed = link(
            job=job, seq=event.seq, type=event.type, node=event.node, at=event.at, digest=digest, prev=last
        )
        put(event, digest=digest, prev=last, hash=hashed)
        last = hashed
    Job.objects.filter(id=job).update(head_hash=last, head_seq=Event.objects.filter(job_id=job).count())
