"""Statements put into words once say what the ORM would say: every column, every value, every kind of body."""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext

from jobs.models import Job, Step
from ledger import encryption as encrypting
from ledger.models import Invocation
from ledger.statements import AT_ONCE, Delete, Insert, Update

NOON = datetime(2026, 1, 31, 12, 0, 0, 123456, tzinfo=UTC)
KEY = {"current": "k", "keys": {"k": "env:WORDED_KEY"}}
pytestmark = pytest.mark.usefixtures("engine_db")


def line(**more: Any) -> Invocation:
    given = {
        "id": uuid4(), "tenant": "t", "job_id": uuid4(), "node": "pay", "tool": "pay", "version": "1", "schema": "s",
        "effect": "at_most_once", "idempotency_key": str(uuid4()), "args": '{"ü":"\\u0000"}', "args_digest": "d",
        "state": "open", "attempt": 1, "fence": 2**40, "probe": True, "deadline": NOON, "promised_at": NOON,
    }  # fmt: skip
    return Invocation(**given | more)


def step(job: UUID, node: str, **more: Any) -> Step:
    return Step(job_id=job, node=node, kind="tool", state="ready", **more)


def stored(row: Any) -> dict[str, Any]:
    found = type(row).objects.get(pk=row.pk)
    return {each.attname: getattr(found, each.attname) for each in row._meta.concrete_fields}


@pytest.mark.parametrize("encryption", [{}, KEY], ids=["clear", "encrypted"])
def test_a_row_that_is_inserted_reads_like_one_that_the_orm_has_saved(
    encryption: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WORDED_KEY", base64.b64encode(bytes(32)).decode())
    ours, theirs = line(business_key="k", settled_at=NOON, result="1", error="e"), line()
    theirs.__dict__ |= {
        k: v for k, v in ours.__dict__.items() if k not in ("id", "_state", "idempotency_key")
    }
    encrypting.configure(encryption)
    try:
        Insert(Invocation)([ours])
        theirs.save(force_insert=True)
        told, others = stored(ours), stored(theirs)
    finally:
        encrypting.configure({})
    assert {**told, "id": 0, "idempotency_key": 0} == {**others, "id": 0, "idempotency_key": 0}
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT args FROM {Invocation._meta.db_table} WHERE tool = 'pay' AND idempotency_key = %s", [ours.idempotency_key])  # fmt: skip  # noqa: S608
        assert (cursor.fetchone()[0] == ours.args) is not bool(encryption)


def test_ids_as_text_and_moments_of_another_zone_are_the_same_values() -> None:
    job = uuid4()
    row = line(id=str(uuid4()), job_id=str(job).upper(), deadline=NOON.astimezone().replace(microsecond=0))
    Insert(Invocation)([row])
    found = Invocation.objects.get(job_id=job)
    assert (found.deadline, found.settled_at) == (NOON.replace(microsecond=0), None)


def test_a_row_that_collides_replaces_what_it_is_told_to_and_nothing_else() -> None:
    put = Insert(Step, by=("job_id", "node"), replaced=("state", "wake_at"))
    job, later = uuid4(), NOON + timedelta(hours=1)
    put([step(job, "a", tenant="t", priority=3)])
    before = Step.objects.get(job_id=job)
    put([step(job, "a", tenant="other", wake_at=later), step(job, "b")])
    after = Step.objects.get(job_id=job, node="a")
    assert (after.pk, after.tenant, after.priority, after.wake_at) == (before.pk, "t", 3, later)
    assert Step.objects.filter(job_id=job).count() == 2
    with pytest.raises(IntegrityError), transaction.atomic():
        Insert(Step)([step(job, "a")])


def test_many_rows_go_in_few_statements() -> None:
    job = uuid4()
    with CaptureQueriesContext(connection) as told:
        Insert(Step)([])
        Insert(Step)([step(job, f"n{number}") for number in range(700)])
    assert 1 <= len(told) <= 12
    assert Step.objects.filter(job_id=job).count() == 700
    names = [f"n{number}" for number in range(1, 700)]
    with CaptureQueriesContext(connection) as told:
        Delete(Step, "job_id", "node")(job, names)
        Delete(Step, "job_id", "node")(uuid4(), ["n0"])
    assert len(told) == -(-len(names) // AT_ONCE) + 1
    assert [each.node for each in Step.objects.filter(job_id=job)] == ["n0"]


def test_an_update_says_how_many_rows_had_the_values_and_met_the_condition() -> None:
    job = uuid4()
    Insert(Step)([step(job, "a"), step(job, "b", priority=1)])
    change = Update(Step, "job_id", "state", provided="priority < %s")
    assert change([job, "ready"], {"wake_at": NOON, "hold": "x"}, [1]) == 1
    assert change([job, "parked"], {"hold": "y"}, [9]) == 0
    assert sorted((each.node, each.hold, each.wake_at) for each in Step.objects.filter(job_id=job)) == [
        ("a", "x", NOON), ("b", "", None),
    ]  # fmt: skip
    assert change([job, "ready"], {"tenant": "other"}, [9]) == 2


def test_what_a_column_cannot_hold_is_refused_by_the_database() -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        Insert(Invocation)([line(state="nonsense")])
    assert Update(Job, "id")([uuid4()], {"status": "running"}) == 0
