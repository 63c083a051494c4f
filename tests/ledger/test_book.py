"""The book: a line is reserved before the call and settled after it; the database lets one holder through."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from ledger import services as ledger
from ledger.models import OPEN, RELEASES_ITS_KEY, STATES, Invocation
from ledger.verdict import Conflict, Doubt, Invoke, Recall

AT = timezone.now()


def a_line(**changes: Any) -> ledger.Line:
    """A line of a job of its own."""
    fields: dict[str, Any] = {
        "id": str(uuid4()), "tenant": "default", "job": str(uuid4()), "node": "pay", "tool": "pay", "version": "1",
        "schema": "s", "effect": "at_most_once", "key": f"aet-{uuid4().hex}", "business_key": None, "holds": False,
        "args": "{}", "args_digest": "d", "attempt": 1, "fence": 2, "probe": False,
        "deadline": AT + timedelta(seconds=60), "at": AT,
    }  # fmt: skip
    return ledger.Line(**{**fields, **changes})


def keyed(key: str, **changes: Any) -> ledger.Line:
    return a_line(business_key=key, holds=True, **changes)


def reserve(line: ledger.Line) -> None:
    with transaction.atomic():
        ledger.reserve(line)


def row(line: ledger.Line) -> Invocation:
    return Invocation.objects.get(id=line.id)


def test_a_promise_is_an_open_line(engine_db: str) -> None:
    line = a_line()
    reserve(line)
    found = row(line)
    assert (found.state, found.attempt, found.settled_at, found.result) == ("open", 1, None, None)
    assert (str(found.job_id), found.idempotency_key) == (line.job, line.key)


def test_a_line_is_reserved_once(engine_db: str) -> None:
    line = a_line()
    reserve(line)
    with pytest.raises(IntegrityError):
        reserve(line)


def test_one_idempotency_key_has_one_line_in_a_job(engine_db: str) -> None:
    line = a_line()
    reserve(line)
    with pytest.raises(IntegrityError):
        reserve(replace(line, id=str(uuid4())))


def test_a_further_attempt_opens_the_same_line_again(engine_db: str) -> None:
    line = a_line()
    reserve(line)
    ledger.settle(line.id, "not_landed", at=AT, error="no")
    reserve(replace(line, attempt=2, fence=9))
    found = row(line)
    assert (found.state, found.attempt, found.fence, found.settled_at, found.error) == (
        "open",
        2,
        9,
        None,
        "",
    )


@pytest.mark.parametrize("state", ["landed", "recalled", "unknown"])
def test_a_line_that_is_settled_or_in_doubt_is_not_promised_again(engine_db: str, state: str) -> None:
    line = a_line()
    reserve(line)
    ledger.settle(line.id, state, at=AT)
    with pytest.raises(ledger.NotReserved):
        reserve(replace(line, attempt=2))
    assert row(line).state == state


@pytest.mark.parametrize("state", STATES)
def test_a_key_is_given_back_exactly_when_the_effect_did_not_happen(engine_db: str, state: str) -> None:
    line = keyed(uuid4().hex)
    reserve(line)
    ledger.settle(line.id, state, at=None if state in OPEN else AT)
    assert row(line).holds == (state not in RELEASES_ITS_KEY)


@pytest.mark.parametrize(
    ("state", "digest", "verdict"),
    [("open", "d", Doubt), ("unknown", "d", Doubt), ("landed", "d", Recall), ("landed", "other", Conflict)],
)
def test_a_held_key_is_not_let_through(engine_db: str, state: str, digest: str, verdict: type) -> None:
    key = uuid4().hex
    first = keyed(key)
    reserve(first)
    ledger.settle(first.id, state, at=None if state in OPEN else AT)
    with pytest.raises(ledger.Taken) as taken:
        reserve(keyed(key, args_digest=digest))
    assert isinstance(taken.value.verdict, verdict)
    assert Invocation.objects.filter(business_key=key).count() == 1


@pytest.mark.parametrize("state", RELEASES_ITS_KEY)
def test_a_key_that_was_given_back_is_taken_by_the_next(engine_db: str, state: str) -> None:
    key = uuid4().hex
    first, second = keyed(key), keyed(key)
    reserve(first)
    ledger.settle(first.id, state, at=AT)
    reserve(second)
    with pytest.raises(ledger.Taken):
        reserve(replace(first, attempt=2))
    assert [each.id for each in Invocation.objects.filter(business_key=key, holds=True)] == [row(second).id]


@pytest.mark.parametrize("change", [{"tenant": "other"}, {"tool": "other"}])
def test_a_key_belongs_to_its_tenant_and_tool(engine_db: str, change: dict[str, str]) -> None:
    key = uuid4().hex
    reserve(keyed(key))
    reserve(keyed(key, **change))
    assert Invocation.objects.filter(business_key=key, holds=True).count() == 2


def test_the_database_itself_lets_one_holder_through(engine_db: str) -> None:
    """Whoever was not seen by the one who asked first is stopped at the insert."""
    key = uuid4().hex
    reserve(keyed(key))
    with pytest.raises(IntegrityError), transaction.atomic():
        ledger._insert(keyed(key))
    assert Invocation.objects.filter(business_key=key).count() == 1


def test_a_recalled_call_has_a_line_of_its_own_that_holds_nothing(engine_db: str) -> None:
    key = uuid4().hex
    first, second = keyed(key), a_line(business_key=key)
    reserve(first)
    ledger.settle(first.id, "landed", at=AT, result='"R1"')
    with transaction.atomic():
        ledger.adopt(second, result='"R1"', source=first.id)
    found = row(second)
    assert (found.state, found.result, str(found.recalled_from), found.holds) == (
        "recalled",
        '"R1"',
        first.id,
        False,
    )


def test_a_line_that_does_not_exist_is_not_settled_in_silence(engine_db: str) -> None:
    with pytest.raises(LookupError, match="no line"):
        ledger.settle(str(uuid4()), "landed", at=AT)


def test_whoever_waits_learns_whether_a_line_is_settled(engine_db: str) -> None:
    line = a_line()
    reserve(line)
    for state, still in (("open", True), ("unknown", True), ("landed", False)):
        ledger.settle(line.id, state, at=AT)
        with transaction.atomic():
            assert ledger.still_open(line.id) is still
    with transaction.atomic():
        assert ledger.still_open(str(uuid4())) is False


def test_a_line_without_a_key_asks_nobody(engine_db: str) -> None:
    assert ledger.consult(a_line()) == Invoke()
    assert ledger.consult(a_line(business_key="k")) == Invoke()
