"""One statement on Postgres writes what the statements of `writing.append` write one by one."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

import pytest
from django.db import DataError, OperationalError, connection, transaction
from django.test.utils import CaptureQueriesContext

from jobs import store
from jobs.core.commands import AdoptPlan, Command, StartNode
from jobs.core.state import PLAN_STEP
from jobs.models import Event, Job, Step, Worker
from jobs.store import at_once, writing
from jobs.store.writing import WorkerDead
from ledger import crashpoints, prepared
from ledger.models import Invocation
from ledger.prepared import Prepared
from tests.factories import a_job, a_planned_job, a_worker, chain_of, claim, promise, told
from tests.store.audit import check

# Drawn, linked, or told by the clock: another one in every job.
OWN = {
    "id", "job_id", "origin", "head_hash", "salt", "digest", "prev", "hash", "at", "created_at", "updated_at", "finished_at",
    "worker", "wake_at", "knock_at", "deadline", "promised_at", "settled_at", "idempotency_key", "requester", "body",
}  # fmt: skip
Rows = list[list[dict[str, Any]]]


@pytest.fixture(autouse=True)
def _on_postgres(engine_db: str) -> None:
    if connection.vendor != "postgresql":
        pytest.skip("SQLite answers from memory: one statement after the other costs no round trip")


def rows(job: str) -> Rows:
    """Every row of a job, without what differs between two jobs, but with whether it is there."""
    found: list[Any] = [
        Job.objects.filter(id=job), Event.objects.filter(job_id=job).order_by("seq"),
        Step.objects.filter(job_id=job).order_by("node"), Invocation.objects.filter(job_id=job).order_by("node"),
    ]  # fmt: skip
    return [[_plain(row) for row in each.values()] for each in found]


def _plain(row: dict[str, Any]) -> dict[str, Any]:
    return {name: (value is None) if name in OWN else value for name, value in row.items()}


def played(look: Callable[[str], object]) -> str:
    """A job with two steps, looked at after each commit."""
    worker = a_worker()
    job = a_job()
    store.commit(job, StartNode(PLAN_STEP, worker), worker=worker)
    look(job)
    store.commit(
        job, AdoptPlan(store.load(job).nodes[PLAN_STEP].fence, chain_of("first", "second").to_json())
    )
    look(job)
    fence = claim(job, worker, "first")
    look(job)
    store.commit(
        job, told(fence, node="first"), StartNode("second", worker, promise(job, "second")), worker=worker
    )
    look(job)
    store.commit(job, told(store.load(job).nodes["second"].fence, node="second"))
    look(job)
    check(job)
    return job


def test_every_commit_of_a_job_leaves_the_same_rows_either_way(monkeypatch: pytest.MonkeyPatch) -> None:
    fast: list[Rows] = []
    slow: list[Rows] = []
    with CaptureQueriesContext(connection) as seen:
        played(lambda job: fast.append(rows(job)))
    assert not [
        each for each in seen.captured_queries if str(each["sql"]).startswith('UPDATE "aetheris_jobs_job"')
    ]
    monkeypatch.setattr(at_once, "fits", lambda *_: False)
    played(lambda job: slow.append(rows(job)))
    assert fast == slow
    assert len(fast) == 5


def test_a_call_that_the_book_does_not_know_is_not_settled_and_nothing_is_written() -> None:
    worker = a_worker()
    job = a_planned_job(chain_of("first", "second"), worker)
    fence = claim(job, worker, "first")
    line = Invocation.objects.get(job_id=job)
    Invocation.objects.filter(job_id=job).delete()
    before = Event.objects.filter(job_id=job).count()
    with pytest.raises(LookupError, match="no line"):
        store.commit(job, told(fence, node="first"))
    assert Event.objects.filter(job_id=job).count() == before
    assert Job.objects.get(id=job).head_seq == before
    line.save(force_insert=True)  # the sweeps of later tests come by here too
    store.commit(job, told(fence, node="first"))
    check(job)


def said(*wishes: Command, job: str) -> list[str]:
    """What a commit says to the database, without the texts of prepared statements."""
    with CaptureQueriesContext(connection) as seen:
        store.commit(job, *wishes)
    return [str(each["sql"]).partition(" ")[0] for each in seen.captured_queries]


def test_an_ordinary_commit_is_one_round_trip_unless_a_test_wants_to_die_in_its_transaction(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    worker = a_worker()
    job = a_planned_job(chain_of("first", "second"), worker)
    first = claim(job, worker, "first")
    assert len(said(told(first, node="first"), job=job)) == 1
    second = claim(job, worker, "second")
    monkeypatch.setattr(crashpoints, "_plan", crashpoints.parse("before_commit:99"))
    heard = said(told(second, node="second"), job=job)
    assert (len(heard), heard[0], heard[-1]) == (3, "BEGIN", "COMMIT")
    check(job)


def test_inside_a_transaction_it_is_part_of_it() -> None:
    worker = a_worker()
    job = a_planned_job(chain_of("first", "second"), worker)
    fence = claim(job, worker, "first")
    sealed = store.door.decided(store.reading.entry(job), store.group.Wish((told(fence, node="first"),)))
    assert sealed is not None
    before = rows(job)
    with transaction.atomic():
        assert not at_once.is_alone()
        writing.append(sealed)
        transaction.set_rollback(True)
    assert at_once.is_alone()
    assert rows(job) == before
    store.commit(job, told(fence, node="first"))
    check(job)


def test_a_dead_worker_begins_nothing() -> None:
    worker = a_worker()
    job = a_planned_job(chain_of("first", "second"), worker)
    fence = claim(job, worker, "first")
    dead = a_worker(dead=True)
    before = rows(job)
    with pytest.raises(WorkerDead):
        store.commit(
            job, told(fence, node="first"), StartNode("second", dead, promise(job, "second")), worker=dead
        )
    assert rows(job) == before


def test_a_name_that_is_too_long_for_its_column_is_refused_and_not_cut_off() -> None:
    assert at_once._type(Step, "node") == "text"
    assert not any("varchar" in at_once._statement(("status",), several).text for several in (False, True))


def test_a_commit_after_a_rollback_on_the_same_connection_goes_through() -> None:
    """The driver lets go of every prepared statement when a transaction is rolled back."""
    worker = a_worker()
    job = a_planned_job(chain_of("first", "second"), worker)
    first = claim(job, worker, "first")
    with transaction.atomic():
        Prepared("SELECT $1::int")(b"1")
        transaction.set_rollback(True)
    Worker.objects.count()  # the driver says so with its next question
    store.commit(job, told(first, node="first"))
    check(job)


@pytest.mark.parametrize("watched", [False, True])
def test_an_error_of_the_statement_is_the_one_that_a_cursor_raises(watched: bool) -> None:
    broken = Prepared("SELECT 1 / $1::int")
    with CaptureQueriesContext(connection) if watched else nullcontext():
        with pytest.raises(DataError) as raised:
            broken(b"0")
        assert getattr(raised.value.__cause__, "sqlstate", "") == at_once.DIVISION_BY_ZERO
        assert broken(b"1") == 1


@pytest.mark.parametrize("watched", [False, True])
def test_a_session_that_was_cut_is_an_outage(watched: bool) -> None:
    cut = Prepared("SELECT count(pg_terminate_backend(pg_backend_pid())) FROM (SELECT $1::text) AS t")
    with CaptureQueriesContext(connection) if watched else nullcontext(), pytest.raises(OperationalError):
        cut(b"x")
    connection.close()
    assert Prepared("SELECT $1::int")(b"7") == 7


def test_a_statement_that_was_put_into_words_twice_is_prepared_once() -> None:
    """Two threads may do so at the same moment; either may go on with the other's."""
    for _ in range(2):
        assert [Prepared("SELECT 2 * $1::int")(b"2"), Prepared("SELECT 2 * $1::int")(b"3")] == [4, 6]
        prepared._known.clear()


def test_what_the_fast_writer_refuses_is_left_to_postgres() -> None:
    assert at_once._encoded([{"half": "\ud800"}]) == b'[{"half":"\\ud800"}]'
