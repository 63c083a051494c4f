"""Law L3: an append succeeds only against the head that its writer knew; nothing is lost, nothing is doubled."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from functools import partial
from pathlib import Path

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from jobs import store
from jobs.bodies import parsed
from jobs.core.commands import Pause, Resume, SendSignal
from jobs.core.errors import Illegal, NotFound
from jobs.models import Delivery
from jobs.store import reading
from tests.factories import a_job, a_planned_job, a_worker, one_tool, person
from tests.store.audit import check, check_chain, events_of, kinds_of
from tests.store.rivals import Aside, append_begins, as_another_process, aside, before_statement

THREADS, EACH = 6, 4
ROOT = Path(__file__).parents[2]
WRITER = """
import sys, django; django.setup()
from jobs import store
from jobs.bodies import parsed
from jobs.core.commands import SendSignal
from tests.factories import person, recorded_knocks
job, name, number = sys.argv[1:]
with recorded_knocks():
    print("ready", flush=True)
    sys.stdin.readline()
    for i in range(int(number)):
        store.commit(job, SendSignal("go", {"n": i}, f"{name}-{i}", person()))
"""


def letter(name: str) -> SendSignal:
    return SendSignal("go", {"from": name}, name, person())


def letters_of(job: str) -> list[str]:
    return [body["id"] for body in parsed([e.body for e in events_of(job)], "default") if "payload" in body]


def test_each_of_many_threads_commits_lands_once_and_none_is_lost(engine_db: str) -> None:
    job = a_job()
    start = threading.Barrier(THREADS)

    def write(name: int) -> None:
        start.wait(30)
        for each in range(EACH):
            store.commit(job, letter(f"{name}-{each}"))

    for work in [Aside(partial(write, name)) for name in range(THREADS)]:
        work.result()
    assert sorted(letters_of(job)) == sorted(
        f"{name}-{each}" for name in range(THREADS) for each in range(EACH)
    )
    check(job)


def test_each_of_two_processes_commits_lands_once_and_none_is_lost(engine_db: str) -> None:
    job = a_job()
    environment = {**os.environ, "AETHERIS_DATABASE_URL": engine_db}
    command = [sys.executable, "-c", WRITER, job]
    writers = [
        subprocess.Popen([*command, name, "8"], env=environment, cwd=ROOT, stdin=subprocess.PIPE,
                         stdout=subprocess.PIPE, text=True)
        for name in ("one", "two")
    ]  # fmt: skip
    for writer in writers:
        assert writer.stdout is not None
        assert writer.stdout.readline() == "ready\n"
    for writer in writers:  # both are imported and stand at the line
        writer.communicate("go\n", timeout=60)
    assert [writer.returncode for writer in writers] == [0, 0]
    assert sorted(letters_of(job)) == sorted(f"{name}-{n}" for name in ("one", "two") for n in range(8))
    check(job)


def test_a_commit_whose_head_has_moved_reads_the_tail_and_decides_again(engine_db: str) -> None:
    job = a_job()
    store.load(job)
    with before_statement(
        append_begins(), lambda: aside(lambda: as_another_process(job, letter("rival")))
    ) as met:
        store.commit(job, letter("mine"))
    assert len(met) == 1
    assert letters_of(job) == ["rival", "mine"]
    check(job)


def test_after_two_conflicts_a_commit_locks_the_row_first(engine_db: str) -> None:
    job, names = a_job(), iter(("rival 1", "rival 2", "rival 3"))
    store.load(job)

    def rival() -> None:
        aside(lambda: as_another_process(job, letter(next(names))))

    with CaptureQueriesContext(connection) as seen, before_statement(append_begins(), rival, times=2):
        store.commit(job, letter("mine"))
    assert letters_of(job) == ["rival 1", "rival 2", "mine"]
    locked = any("FOR UPDATE" in each["sql"] for each in seen.captured_queries)
    assert locked == (connection.vendor == "postgresql")
    check(job)


def test_what_a_stale_process_would_refuse_is_judged_on_what_is_so_now(engine_db: str) -> None:
    job = a_planned_job(one_tool(), a_worker())
    store.load(job)
    as_another_process(job, Pause(person()))
    store.commit(job, Resume(person()))
    assert kinds_of(job)[-2:] == ["job_paused", "job_resumed"]


def test_what_changes_nothing_in_a_stale_process_is_judged_on_what_is_so_now(engine_db: str) -> None:
    job = a_planned_job(one_tool(), a_worker())
    store.commit(job, Pause(person()))
    as_another_process(job, Resume(person()))
    store.commit(job, Pause(person()))
    assert kinds_of(job)[-3:] == ["job_paused", "job_resumed", "job_paused"]


def test_a_refused_command_changes_nothing_even_beside_a_granted_one(engine_db: str) -> None:
    job = a_job()
    before = kinds_of(job)
    with pytest.raises(Illegal):
        store.commit(job, letter("granted"), Resume(person()))
    assert kinds_of(job) == before
    check(job)


def test_a_commit_inside_a_callers_transaction_is_refused_and_leaves_nothing_in_memory(
    engine_db: str,
) -> None:
    job = a_job()
    with pytest.raises(RuntimeError), transaction.atomic():
        store.commit(job, letter("mine"))
    with transaction.atomic():
        unborn = a_job()
        assert store.load(unborn).seq == 1
        transaction.set_rollback(True)
    with pytest.raises(NotFound):
        store.load(unborn)
    assert letters_of(job) == []


def test_a_job_named_in_capitals_is_the_same_job_with_the_same_chain(engine_db: str) -> None:
    job = a_job()
    reading.forget_all()
    store.commit(job.upper(), letter("mine"))
    assert len(letters_of(job)) == 1
    assert kinds_of(job) == ["job_created", "signal_received"]
    check_chain(job)


def test_what_was_known_of_another_database_is_forgotten(engine_db: str) -> None:
    """After a restore the memory of a process may be ahead of the database."""
    job = a_job()
    store.load(job)
    known = reading.entry(job)
    assert known.state is not None
    known.state, known.hash = known.state.but(seq=7), "f" * 64
    store.commit(job, letter("mine"))
    assert kinds_of(job) == ["job_created", "signal_received"]
    check(job)


def test_a_delivery_that_another_process_has_carried_out_is_not_carried_out_again(engine_db: str) -> None:
    job = a_planned_job(one_tool(), a_worker())
    assert not Delivery.objects.filter(job_id=job).exists()
    gone = "0198f0c0-0000-7000-8000-00000000dead"
    done = store.commit(job, Pause(person()), delivery=gone)
    assert done.facts == ()
    assert "job_paused" not in kinds_of(job)
    check(job)
