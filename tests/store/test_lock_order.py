"""Lock order everywhere: job, its steps, ledger. Two commits that want the same lines wait once, never both ways."""

from __future__ import annotations

import time
from collections.abc import Callable
from uuid import uuid4

import pytest
from django.db import connection, transaction

from jobs import store
from jobs.core.commands import SendSignal, StartNode
from jobs.core.errors import Busy
from jobs.models import Job
from jobs.store import door, outages, reading
from ledger.models import Invocation
from ledger.services import Taken
from tests.factories import a_job, a_planned_job, a_worker, chain_of, claim, person, promise, told
from tests.store.audit import check, kinds_of
from tests.store.rivals import Aside, aside, before_statement


@pytest.fixture(autouse=True)
def _row_locks(engine_db: str) -> None:
    if connection.vendor != "postgresql":
        pytest.skip("SQLite has one writer at a time and no row locks")


def somebody_waits() -> bool:
    """Whether a connection to this database really waits for a lock."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
        )
        return bool(cursor.fetchone()[0])


def until(true: Callable[[], bool]) -> None:
    """Look at a fact of the database until it is so; a minute means that it never will be."""
    give_up = time.monotonic() + 60
    while not true():
        assert time.monotonic() < give_up


@pytest.fixture
def deadlocks(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What the door was told of transactions that the database itself gave up."""
    told: list[str] = []
    usual = outages.undone

    def undone(cause: BaseException) -> bool:
        told.append(str(cause))
        return usual(cause)

    monkeypatch.setattr("jobs.store.door.undone", undone)
    return told


def crossed() -> tuple[list[str], list[str], list[int]]:
    """Two jobs whose first steps hold the key that the other's second step wants."""
    worker = a_worker()
    keys = [uuid4().hex, uuid4().hex]
    jobs = [a_planned_job(chain_of("first", "second"), worker) for _ in range(2)]
    fences = [claim(job, worker, "first", business_key=key) for job, key in zip(jobs, keys, strict=True)]
    return jobs, keys, fences


def go_on(job: str, fence: int, key: str) -> str:
    """Tell the outcome of the first step and begin the second one, in one commit; if the key is taken, only tell."""
    worker = a_worker()
    outcome = told(fence, node="first")
    following = StartNode("second", worker, promise(job, "second", business_key=key))
    try:
        store.commit(job, outcome, following, worker=worker)
    except Taken as taken:
        store.commit(job, outcome)
        return type(taken.verdict).__name__
    return "promised"


@pytest.mark.parametrize("moment", ['UPDATE "aetheris_ledger_invocation"', "FOR UPDATE"])
def test_two_jobs_that_want_each_others_business_key_wait_once_and_never_deadlock(
    engine_db: str, deadlocks: list[str], moment: str
) -> None:
    jobs, keys, fences = crossed()
    other: list[Aside] = []

    def meet() -> None:
        """Right before the first commit asks for the other's key, the other does the same the other way round."""
        other.append(Aside(lambda: go_on(jobs[1], fences[1], keys[0])))
        until(lambda: aside(somebody_waits) or not other[0].running)

    with before_statement(moment, meet):
        said = {go_on(jobs[0], fences[0], keys[1])}
    said.add(other[0].result())
    assert deadlocks == []
    assert said <= {"Doubt", "Recall"}
    for job in jobs:
        assert kinds_of(job).count("tool_invocation_finished") == 1
        check(job)


def test_a_claim_that_waits_for_a_line_goes_on_when_the_line_is_free(
    engine_db: str, deadlocks: list[str]
) -> None:
    worker, key = a_worker(), uuid4().hex
    first, second = (a_planned_job(chain_of("pay"), worker) for _ in range(2))
    fence = claim(first, worker, business_key=key)
    with transaction.atomic():
        Invocation.objects.select_for_update().get(job_id=first)
        waiting = Aside(lambda: claim(second, worker, business_key=key))
        until(lambda: aside(somebody_waits))
        assert waiting.running
    with pytest.raises(Taken):
        waiting.result()
    store.commit(first, told(fence))
    assert deadlocks == []
    assert Invocation.objects.filter(business_key=key).count() == 1


def test_a_row_that_is_locked_for_too_long_makes_the_job_busy_and_writes_nothing(
    engine_db: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "LOCK_TIMEOUT_MS", 20)
    monkeypatch.setattr(door, "OPTIMISTIC", 0)
    job = a_job()
    wish = SendSignal("go", None, "x", person())
    with transaction.atomic():
        Job.objects.select_for_update().get(id=job)
        busy = Aside(lambda: store.commit(job, wish))
        with pytest.raises(Busy, match=job):
            busy.result()
    assert kinds_of(job) == ["job_created"]
    store.commit(job, wish)
    check(job)


def test_a_deadlock_that_the_database_breaks_is_a_conflict_like_any_other(
    engine_db: str, deadlocks: list[str]
) -> None:
    """A host's own transaction locks in another order than ours: ours gives way, and goes again."""
    job = a_job()
    _embrace(job, lambda: store.commit(job, SendSignal("go", None, "x", person())))
    assert len(deadlocks) == 1
    assert "deadlock" in deadlocks[0]
    assert kinds_of(job) == ["job_created", "signal_received"]
    check(job)


def _embrace(job: str, commit: Callable[[], object]) -> None:
    """Hold a lock that our commit wants second, and want the one that it holds first."""
    host: list[Aside] = []
    held: list[bool] = []

    def lock_and_want() -> None:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SET LOCAL deadlock_timeout = '10s'")  # so that the other one is chosen
            cursor.execute("LOCK TABLE aetheris_jobs_event IN SHARE MODE")
            held.append(True)
            Job.objects.select_for_update().get(id=job)

    def meet() -> None:
        host.append(Aside(lock_and_want))
        until(lambda: bool(held) and aside(somebody_waits))

    with before_statement('INSERT INTO "aetheris_jobs_event"', meet):
        commit()
    host[0].result()
