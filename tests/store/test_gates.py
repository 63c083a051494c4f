"""The gate for erasing and pruning lets exactly that through, for exactly that job, in exactly that transaction."""

# ruff: noqa: S608 - the statements are made of names of our own tables
from __future__ import annotations

from collections.abc import Iterator
from contextlib import nullcontext
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.db import DatabaseError, connection, transaction

from jobs import store
from jobs.core.commands import Cancel
from jobs.models import Event, Hold, HoldRelease, Job, Tombstone
from jobs.services import erase
from jobs.store.gates import gate
from tests.factories import a_job, person
from tests.store.audit import events_of

EVENT = "aetheris_jobs_event"
COLUMNS = ("id", "job_id", "seq", "tenant", "type", "node", "at", "digest", "prev", "hash")


def an_ended_job() -> UUID:
    job = a_job(goal={"say": "a word"})
    store.commit(job, Cancel(person(), "enough"))
    return UUID(job)


@pytest.fixture
def erased(engine_db: str) -> UUID:
    """A job of which one event is erased: its head is the event that says so."""
    job = an_ended_job()
    erase(job, events=[1], legal_basis="b", reason="r", actor=person())
    return job


@pytest.fixture
def tombstoned(engine_db: str) -> Iterator[UUID]:
    """A job that has a tombstone, and still its events; nothing of it stays."""
    job = an_ended_job()
    row = Job.objects.get(id=job)
    with transaction.atomic():
        _tombstone(row)
        yield job
        transaction.set_rollback(True)


def _tombstone(row: Job) -> Tombstone:
    return Tombstone.objects.create(
        job_id=row.id, tenant=row.tenant, agent=row.agent, version=row.version, status=row.status, origin=row.origin,
        generation=1, created_at=row.created_at, finished_at=row.updated_at, events=row.head_seq, head_seq=row.head_seq,
        head_hash=row.head_hash, pruned_at=row.updated_at, pruned_by="u", pruned_by_name="u", reason="r", key="k",
        signature="s", signed="{}",
    )  # fmt: skip


def refused(
    statement: str,
    params: list[Any],
    job: UUID | None = None,
    kind: str = "erase",
    match: str = "append-only",
) -> None:
    """A statement is refused, with the gate open if a job is named."""
    within = nullcontext() if job is None else gate(kind, job)
    with pytest.raises(DatabaseError, match=match), transaction.atomic(), within:
        _execute(statement, params)


def _execute(statement: str, params: list[Any]) -> int:
    with connection.cursor() as cursor:
        cursor.execute(statement, [_plain(each) for each in params])
        return int(cursor.rowcount)


def _plain(value: Any) -> Any:
    return value.hex if isinstance(value, UUID) and connection.vendor == "sqlite" else value


NULLING = f"UPDATE {EVENT} SET body = NULL, salt = NULL WHERE job_id = %s AND seq = 2"


def test_with_the_gate_open_a_body_goes_and_its_salt_with_it(erased: UUID) -> None:
    with transaction.atomic():
        with gate("erase", erased):
            assert _execute(NULLING, [erased]) == 1
        transaction.set_rollback(True)


@pytest.mark.parametrize("column", COLUMNS)
def test_nothing_else_of_an_event_is_changed_on_the_way(erased: UUID, column: str) -> None:
    values = {"id": 2**40, "job_id": uuid4(), "seq": 999}
    change = f"UPDATE {EVENT} SET body = NULL, salt = NULL, {column} = %s WHERE job_id = %s AND seq = 2"
    refused(change, [values.get(column, "x"), erased], erased)
    refused(
        f"UPDATE {EVENT} SET {column} = %s WHERE job_id = %s AND seq = 2",
        [values.get(column, "x"), erased],
        erased,
    )


@pytest.mark.parametrize(
    "change",
    [
        "body = NULL",
        "salt = NULL",
        "body = '{}', salt = NULL",
        "body = NULL, salt = salt",
        "body = ''",
        "body = body",
        "salt = NULL, body = 'null'",
    ],
)
def test_body_and_salt_go_together_and_become_nothing(erased: UUID, change: str) -> None:
    refused(f"UPDATE {EVENT} SET {change} WHERE job_id = %s AND seq = 2", [erased], erased)


def test_what_is_erased_does_not_come_back_and_what_says_so_stays(erased: UUID) -> None:
    refused(f"UPDATE {EVENT} SET body = '{{}}', salt = 'aa' WHERE job_id = %s AND seq = 1", [erased], erased)
    refused(
        f"UPDATE {EVENT} SET body = NULL, salt = NULL WHERE job_id = %s AND type = 'payload_erased'",
        [erased],
        erased,
    )


def test_another_jobs_events_stay_and_so_do_those_of_a_job_that_says_nothing_of_it(erased: UUID) -> None:
    other = an_ended_job()
    refused(NULLING, [other], erased)
    refused(NULLING, [other], other)
    running = UUID(a_job())
    refused(f"UPDATE {EVENT} SET body = NULL, salt = NULL WHERE job_id = %s", [running], running)


@pytest.mark.parametrize("kind", ["erase", "prune"])
def test_without_a_tombstone_no_event_is_removed(erased: UUID, kind: str) -> None:
    refused(f"DELETE FROM {EVENT} WHERE job_id = %s", [erased], erased, kind)
    refused(f"DELETE FROM {EVENT} WHERE job_id = %s AND seq = 1", [erased], erased, kind)


def test_a_gate_for_pruning_does_not_erase(erased: UUID) -> None:
    refused(NULLING, [erased], erased, "prune")


def test_the_table_is_not_emptied_through_a_gate(erased: UUID) -> None:
    statement = f"TRUNCATE {EVENT}" if connection.vendor == "postgresql" else f"DELETE FROM {EVENT}"
    for kind in ("erase", "prune"):
        refused(statement, [], erased, kind)


def test_a_row_is_not_replaced_through_a_gate_nor_without_one(erased: UUID) -> None:
    if connection.vendor != "sqlite":
        pytest.skip("Postgres has no REPLACE; its ON CONFLICT DO UPDATE is an UPDATE")
    columns = "job_id, seq, tenant, type, node, at, body, salt, digest, prev, hash"
    copy = f"INSERT OR REPLACE INTO {EVENT} ({columns}) SELECT {columns.replace('body', chr(39) + '{}' + chr(39))} FROM {EVENT} WHERE job_id = %s AND seq = 2"
    refused(copy, [erased])
    refused(copy, [erased], erased)
    refused(f"UPDATE OR REPLACE {EVENT} SET seq = 1 WHERE job_id = %s AND seq = 2", [erased], erased)


def test_an_upsert_is_an_update(erased: UUID) -> None:
    event = events_of(str(erased))[1]
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic(), gate("erase", erased):
        Event.objects.bulk_create(
            [event], update_conflicts=True, unique_fields=["job_id", "seq"], update_fields=["type"]
        )


def test_all_events_of_a_tombstoned_job_go_together(tombstoned: UUID) -> None:
    with transaction.atomic():
        with gate("prune", tombstoned):
            assert _execute(f"DELETE FROM {EVENT} WHERE job_id = %s", [tombstoned]) == 3
        transaction.set_rollback(True)


@pytest.mark.parametrize("which", ["seq = 1", "seq > 1", "type <> 'job_cancelled'"])
def test_a_part_of_them_does_not(tombstoned: UUID, which: str) -> None:
    refused(f"DELETE FROM {EVENT} WHERE job_id = %s AND {which}", [tombstoned], tombstoned, "prune")


def test_the_gate_of_one_tombstoned_job_is_no_other_ones(tombstoned: UUID) -> None:
    other = an_ended_job_inside()
    refused(f"DELETE FROM {EVENT} WHERE job_id = %s", [other], tombstoned, "prune")
    refused(f"DELETE FROM {EVENT} WHERE job_id = %s", [tombstoned])
    refused(f"DELETE FROM {EVENT} WHERE job_id = %s", [tombstoned], tombstoned, "erase")


def an_ended_job_inside() -> UUID:
    """A job of another test that has ended."""
    return (
        Job.objects.filter(finished_at__isnull=False, agent="toy")
        .order_by("created_at")
        .values_list("id", flat=True)[0]
    )


def test_a_gate_is_closed_after_use_and_after_an_error(erased: UUID) -> None:
    with transaction.atomic(), gate("erase", erased):
        pass
    refused(NULLING, [erased])
    refused(f"UPDATE {EVENT} SET type = 'x' WHERE job_id = %s", [erased], erased)
    refused(NULLING, [erased])
    if connection.vendor == "sqlite":
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM aetheris_jobs_gate")
            assert cursor.fetchone() == (0,)


def _made(model: Any, row: Job) -> Hold | HoldRelease | Tombstone:
    if model is Hold:
        who = {"placed_by": "u", "placed_by_name": "u", "placed_at": row.updated_at}
        return Hold.objects.create(id=uuid4(), scope="job", value="x", reason="r", **who)
    if model is HoldRelease:
        who = {"released_by": "u", "released_by_name": "u", "released_at": row.updated_at}
        return HoldRelease.objects.create(hold=uuid4(), reason="r", **who)
    return _tombstone(row)


@pytest.mark.parametrize("model", [Hold, HoldRelease, Tombstone])
def test_holds_and_tombstones_are_for_ever(engine_db: str, model: Any) -> None:
    table, key = model._meta.db_table, model._meta.pk.column
    row = Job.objects.get(id=an_ended_job())
    with transaction.atomic():
        made = _made(model, row)
        refused(f"UPDATE {table} SET reason = 'another' WHERE {key} = %s", [made.pk])
        refused(f"DELETE FROM {table} WHERE {key} = %s", [made.pk])
        if connection.vendor == "postgresql":
            refused(f"TRUNCATE {table}", [])
        else:
            refused(f"INSERT OR REPLACE INTO {table} SELECT * FROM {table} WHERE {key} = %s", [made.pk])
        transaction.set_rollback(True)
