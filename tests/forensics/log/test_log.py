"""The transparency log: every head that moved gets one leaf, every checkpoint is signed, and nothing is ever taken back."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from threading import Barrier, Event, Semaphore, Thread
from uuid import UUID

import pytest
from django.db import DatabaseError, connections

from forensics import log, periodic, tasks
from forensics.access import append
from forensics.log import heads, keyring, reading, writing
from forensics.log.leaves import Told, told
from forensics.merkle import included, leaf_hash
from forensics.models import Checkpoint, LogLeaf, LogState, LogTile
from forensics.notes import read_checkpoint
from jobs import clock, signal
from jobs.core.commands import Actor
from jobs.keys import NoSigningKey
from jobs.models import Event as JobEvent
from jobs.models import Job
from jobs.testing import run_until_parked
from jobs.viewing import Look, Who
from tests.forensics.accessing import a_tenant
from tests.forensics.log.owning import logged, unguarded
from tests.forensics.tampering import taken_back
from tests.forensics.verifying import jobs_of

pytestmark = pytest.mark.usefixtures("here")


def leaves_of(job: str) -> list[LogLeaf]:
    return list(LogLeaf.objects.filter(job_id=job).order_by("seq"))


def test_every_head_that_moved_gets_one_leaf_and_the_checkpoint_over_it_is_signed() -> None:
    tenant = a_tenant()
    for job in logged(tenant):
        [leaf] = leaves_of(job)
        row = Job.objects.get(id=job)
        assert leaf.text == f"aetheris.head.v1\n{job}\n{row.head_seq}\n{row.head_hash}\n"
        assert (leaf.tenant, leaf.seq) == (tenant, row.head_seq)
        checkpoint = log.first_with(leaf.index)
        assert checkpoint is not None
        head = read_checkpoint(checkpoint.text)
        key = keyring.signing()
        assert key is not None
        assert head.signers([key]) == [key]
        path = log.tree().inclusion(leaf.index, head.size)
        assert included(leaf_hash(leaf.text.encode()), leaf.index, head.size, path, head.root)


def test_a_log_in_which_nothing_moved_stays_as_it_is() -> None:
    logged(a_tenant(), 1)
    size, heads = LogState.objects.get().size, Checkpoint.objects.count()
    first, second = log.append_heads(), log.append_heads()
    assert first == second == log.latest()
    assert (LogState.objects.get().size, Checkpoint.objects.count()) == (size, heads)


def test_a_job_that_goes_on_gets_another_leaf_and_the_first_one_stays() -> None:
    tenant = a_tenant()
    [job] = logged(tenant, 1)
    before = leaves_of(job)
    signal(job, "go", {}, actor=Actor(id="a", name="a", tenant=tenant, superuser=True))
    run_until_parked(job)
    log.append_heads()
    after = leaves_of(job)
    assert after[0].text == before[0].text
    assert [each.seq for each in after] == [before[0].seq, Job.objects.get(id=job).head_seq]


def test_a_leaf_is_never_made_for_a_head_that_is_not_newer() -> None:
    [job] = logged(a_tenant(), 1)
    [leaf] = leaves_of(job)
    for seq, hash in ((leaf.seq, "0" * 64), (leaf.seq - 1, "1" * 64)):
        assert log.add([("x", Told(job, "", seq, hash))]) == 0
    assert leaves_of(job) == [leaf]


def test_the_newest_of_several_heads_of_one_job_is_the_one_that_is_logged() -> None:
    [job] = jobs_of(a_tenant(), 1)
    head = Job.objects.get(id=job)
    early = JobEvent.objects.get(job_id=job, seq=1)
    many = [
        ("t", Told(job, "", seq, hash))
        for seq, hash in ((1, early.hash), (head.head_seq, head.head_hash), (1, early.hash))
    ]
    assert log.add(many) == 1
    assert [each.seq for each in leaves_of(job)] == [head.head_seq]


def test_events_are_looked_at_in_windows_and_leaves_written_in_batches(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    log.append_heads()
    for module, name, small in ((heads, "WINDOW", 3), (heads, "BATCH", 2), (writing, "BATCH", 2)):
        monkeypatch.setattr(module, name, small)
    jobs = jobs_of(a_tenant(), 7)
    asked: list[int] = []
    add = log.add

    def counted(some: Sequence[writing.Head]) -> int:
        asked.append(len(some))
        return add(some)

    monkeypatch.setattr(heads, "add", counted)
    log.append_heads()
    assert all(len(leaves_of(job)) == 1 for job in jobs)
    assert max(asked[:-1]) <= 2
    assert log.verify_log().broken is None


def test_several_that_append_at_once_make_one_leaf_for_each_head_and_one_log() -> None:
    jobs = jobs_of(a_tenant(), 12)
    start, problems = Barrier(4), []

    def run() -> None:
        try:
            start.wait(20)
            log.append_heads()
        except Exception as error:
            problems.append(error)
        finally:
            connections.close_all()

    threads = [Thread(target=run) for _ in range(4)]
    for each in threads:
        each.start()
    for each in threads:
        each.join(60)
    assert problems == []
    assert all(len(leaves_of(job)) == 1 for job in jobs)
    found = log.verify_log()
    assert (found.broken, found.unsigned) == (None, 0)


def test_only_one_at_a_time_is_behind_the_end_of_the_log(monkeypatch: pytest.MonkeyPatch) -> None:
    logged(a_tenant(), 1)
    jobs = jobs_of(a_tenant(), 2)
    inside, company, ready = Semaphore(1), Event(), Barrier(2)
    problems: list[object] = []

    def counted(some: Sequence[writing.Head]) -> dict[tuple[str, str], int]:
        if not inside.acquire(blocking=False):
            company.set()
            return reading.ends(some)
        if company.wait(1.5):  # without the lock the other one comes in meanwhile
            problems.append("two were inside")
        inside.release()
        return reading.ends(some)

    def run(job: str) -> None:
        try:
            some = heads.heads_of([UUID(job)])
            ready.wait(20)
            log.add(some)
        except Exception as error:
            problems.append(error)
        finally:
            connections.close_all()

    monkeypatch.setattr(writing, "ends", counted)
    threads = [Thread(target=run, args=(job,)) for job in jobs]
    for each in threads:
        each.start()
    for each in threads:
        each.join(60)
    assert problems == []
    assert all(len(leaves_of(job)) == 1 for job in jobs)


def test_what_was_committed_late_under_an_earlier_number_is_found_by_the_next_run() -> None:
    log.append_heads()
    state = LogState.objects.get()
    last = JobEvent.objects.order_by("-id").values_list("id", flat=True).first() or 0
    assert state.settled < last, "the events of the last two minutes are looked at again"
    clock.shift(heads.PATIENCE.total_seconds() + 1)
    log.append_heads()
    assert LogState.objects.get().settled >= last
    assert LogState.objects.get().settled <= (
        JobEvent.objects.order_by("-id").values_list("id", flat=True).first() or 0
    )


def test_the_head_of_an_access_log_gets_a_leaf_too() -> None:
    tenant = a_tenant()
    look = Look(who=Who("user", "1", "ann"), tenant=tenant, action="view", question="trace", status=200, job="", target="",
                strict=True, agent="", address="", request="")  # fmt: skip
    entry = append(look)
    log.append_heads()
    [leaf] = LogLeaf.objects.filter(tenant=tenant, job_id__isnull=True)
    assert leaf.text == f'aetheris.access-head.v1\n"{tenant}"\n1\n{entry.hash}\n'
    assert told(leaf.text) == Told("", tenant, 1, entry.hash)
    append(look)
    log.append_heads()
    assert LogLeaf.objects.filter(tenant=tenant, job_id__isnull=True).count() == 2


def test_leaves_of_a_job_that_is_gone_stay() -> None:
    [job] = logged(a_tenant(), 1)
    with unguarded():
        Job.objects.filter(id=job).delete()
        JobEvent.objects.filter(job_id=job).delete()
        log.append_heads()
        assert len(leaves_of(job)) == 1
        assert log.verify_log().broken is None


def test_without_a_signing_key_nothing_is_logged_and_the_task_says_so(
    settings: object, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING, logger="aetheris.forensics")
    settings.AETHERIS = {**settings.AETHERIS, "SIGNING_KEY": ""}  # type: ignore[attr-defined]
    [job] = jobs_of(a_tenant(), 1)
    with pytest.raises(NoSigningKey, match="aetheris keygen"):
        log.append_heads()
    tasks.append()
    assert "nothing is logged" in caplog.text
    assert leaves_of(job) == []


def test_beat_appends_every_minute() -> None:
    assert periodic.ENTRIES["aetheris.log"][0] == 60
    [job] = jobs_of(a_tenant(), 1)
    tasks.append()
    assert len(leaves_of(job)) == 1


CHANGES = [
    ("a leaf changed", lambda: LogLeaf.objects.filter(index=0).update(text="x")),
    ("a leaf deleted", lambda: LogLeaf.objects.filter(index=0).delete()),
    ("a checkpoint changed", lambda: Checkpoint.objects.update(root="0" * 64)),
    ("a checkpoint deleted", lambda: Checkpoint.objects.all().delete()),
    ("a tile changed", lambda: LogTile.objects.update(hashes=b"\0" * 32)),
    ("a tile deleted", lambda: LogTile.objects.all().delete()),
    ("the end moved back", lambda: LogState.objects.update(size=0)),
    ("the end deleted", lambda: LogState.objects.all().delete()),
]


@pytest.mark.parametrize("change", [each[1] for each in CHANGES], ids=[each[0] for each in CHANGES])
def test_the_database_refuses_to_change_what_was_logged(change: object) -> None:
    logged(a_tenant(), 1)
    with taken_back(), pytest.raises(DatabaseError, match="aetheris"):
        change()  # type: ignore[operator]


def test_a_leaf_says_what_it_is_of_and_nothing_else_is_one() -> None:
    for each in (
        Told("0" * 8 + "-0000-7000-8000-" + "0" * 12, "", 3, "a" * 64),
        Told("", 'a "b"\n\u00e9', 1, "b" * 64),
    ):
        assert told(each.text) == each
    for text in (
        "",
        "aetheris.head.v1\n",
        'aetheris.access-head.v1\n"a\n1\n' + "b" * 64 + "\n",
        Told("", "t", 1, "c" * 64).text + "\n",
    ):
        assert told(text) is None
