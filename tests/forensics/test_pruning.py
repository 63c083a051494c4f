"""A pruned job leaves its tombstone, and its keys stay held: nothing is done twice because nobody remembers it."""

from __future__ import annotations

from pathlib import Path
from uuid import UUID

import pytest
from django.db import DatabaseError, transaction

from forensics import standalone
from forensics.inspection import orphans
from forensics.services import anomalies, verify_job
from jobs import TaskGraph, archiving, cancel, fork, retry
from jobs.core.errors import Gone, Illegal, NotAllowed, NotFound
from jobs.models import Approval, Event, Job, Step, Tombstone
from jobs.queries import job_for
from jobs.services import deliver_due, erase, prune
from jobs.testing import run_until_parked
from jobs.tombstones import problem_of
from ledger import NotLanded
from ledger.models import Invocation
from tests.agents import world
from tests.agents.tools import look, send
from tests.engine.driving import a_word, started
from tests.factories import a_tenant, person
from tests.forensics.forgetting import BECAUSE, OFFICER, WHY, done, ended, one, paid, places_of, pruned
from tests.forensics.test_forgotten import talkative

pytestmark = pytest.mark.usefixtures("here")


def rows_of(job: str) -> list[str]:
    return [model.__name__ for model in (Event, Step, Approval, Invocation)
            if model._default_manager.filter(job_id=job).exists()]  # fmt: skip


def test_a_pruned_job_is_gone_whole_and_its_tombstone_says_so(tmp_path: Path) -> None:
    word = f"canary-{a_word()}"
    job = talkative(word)
    head = Job.objects.get(id=job)
    stone = pruned(job, legal_basis="kept six years", archive=str(tmp_path))
    assert (stone.events, stone.head_seq, stone.head_hash) == (head.head_seq, head.head_seq, head.head_hash)
    assert problem_of(Tombstone.objects.get(job_id=job)) is None
    assert not Job.objects.filter(id=job).exists()
    assert rows_of(job) == ["Invocation"]  # the line of the payment, whose key stays held
    child = Job.objects.get(parent_job=job)
    assert {place.split(".")[0] for place in places_of(word)} <= {
        "aetheris_jobs_job", "aetheris_jobs_event", "aetheris_ledger_invocation",
    }  # fmt: skip
    assert verify_job(child.id)["ok"], "the child of a pruned job is whole"
    pruned(str(child.id))
    assert places_of(word) == []
    package = Path(stone.archive)
    found = standalone.verify(package, standalone.Wishes())
    assert found.problem is None
    assert package.stat().st_mode & 0o077 == 0


def test_the_archive_is_the_last_word_and_its_digest_stands_in_the_tombstone(tmp_path: Path) -> None:
    from hashlib import sha256

    job = done(one(look, a_word()))
    stone = pruned(job, archive=str(tmp_path))
    assert sha256(Path(stone.archive).read_bytes()).hexdigest() == stone.archive_sha256


def test_whoever_asks_for_a_pruned_job_hears_that_it_is_gone() -> None:
    job = done(one(look, a_word()))
    pruned(job)
    with pytest.raises(Gone, match="kept long enough") as gone:
        job_for("default", job)
    assert gone.value.details["tombstone"]["job"] == job  # type: ignore[index]
    with pytest.raises(NotFound):
        job_for(a_tenant(), job)
    for ask in (lambda: prune(job, **BECAUSE), lambda: erase(job, everything=True, **WHY),
                lambda: retry(job, actor=person()), lambda: cancel(job, actor=person())):  # fmt: skip
        with pytest.raises(Gone):
            ask()


def test_what_an_attempt_left_behind_goes_when_the_job_goes(tmp_path: Path) -> None:
    job = done(one(look, a_word()))
    place = tmp_path / "default"
    place.mkdir()
    (place / f"{job}.0123456789abcdef.zip").write_bytes(b"of an attempt that was killed")
    (place / f".{job}.draft").write_bytes(b"so was this")
    stone = pruned(job, archive=str(tmp_path))
    assert [str(each) for each in place.iterdir()] == [stone.archive]


def test_a_package_that_vanished_before_the_commit_keeps_its_job(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = done(one(look, a_word()))
    writes = archiving.archiver()

    def lost(asked: UUID, folder: Path) -> archiving.Archived:
        made = writes(asked, folder)
        made.path.unlink()
        return made

    monkeypatch.setattr(archiving, "_known", [lost])
    with pytest.raises(Illegal) as vanished:
        pruned(job, archive=str(tmp_path))
    assert vanished.value.code == "archive_failed"
    assert Event.objects.filter(job_id=job).exists()


def test_a_fork_of_a_pruned_job_stands_by_itself() -> None:
    job = done(one(look, a_word()))
    born = str(fork(job, 3, actor=person()))
    run_until_parked(born)
    deliver_due()
    pruned(job)
    assert verify_job(born)["ok"]
    pruned(born)


def test_running_jobs_and_open_promises_are_not_pruned() -> None:
    waiting = TaskGraph()
    waiting.wait("go", signal="go")
    job = started(waiting)
    run_until_parked(job)
    with pytest.raises(Illegal) as running:
        pruned(job)
    assert running.value.code == "job_running"
    word = a_word()
    world.script(word, NotLanded("no"))
    first = done(one(send, word, retry={"max_attempts": 1}))
    world.script(word, OSError("reset"))
    second = str(retry(first, actor=person()))
    run_until_parked(second)
    deliver_due()
    for take in (lambda: pruned(first), lambda: erase(first, everything=True, **WHY)):
        with pytest.raises(Illegal) as open_:
            take()
        assert open_.value.code == "promise_open"
    assert ended(second)
    pruned(first)


def test_permission_and_tenant() -> None:
    job = done(one(look, a_word()))
    with pytest.raises(NotAllowed):
        prune(job, reason="r", actor=type(OFFICER)(id="u", name="u", may=frozenset({"erase", "hold"})))
    with pytest.raises(NotFound):
        prune(job, reason="r", actor=person(tenant=a_tenant()))


def test_a_forged_tombstone_is_found() -> None:
    job = done(one(look, a_word()))
    stone = pruned(job)
    stone.reason = "another"
    assert problem_of(stone) == "its columns do not say what was signed: reason"
    stone = Tombstone.objects.get(job_id=job)
    stone.signature = "00" * 64
    assert "signature" in str(problem_of(stone))
    stone = Tombstone.objects.get(job_id=job)
    assert "none of those that are trusted" in str(problem_of(stone, {"ab": "name"}))
    with pytest.raises(DatabaseError), transaction.atomic():
        Tombstone.objects.filter(job_id=job).update(reason="another")


def test_a_broken_record_is_not_archived_and_so_not_pruned(tmp_path: Path) -> None:
    job = done(one(look, a_word()))
    Job.objects.filter(id=job).update(priority=7)
    with pytest.raises(Illegal) as broken:
        pruned(job, archive=str(tmp_path))
    assert broken.value.code == "broken_record"
    assert Event.objects.filter(job_id=job).exists()
    assert list(tmp_path.rglob("*.zip")) == []


def test_verification_knows_what_was_pruned_and_finds_what_was_left_behind() -> None:
    word = a_word()
    job = done(paid(word))
    line = Invocation.objects.get(job_id=job)
    pruned(job)
    assert not [each for each in orphans("default") if str(each.job) == job]
    assert not [each for each in anomalies("default")["results"] if each["job"] == job]
    with transaction.atomic():
        Invocation.objects.filter(id=line.id).update(result='{"n":1}')
        assert [each.broken.kind for each in orphans("default") if str(each.job) == job] == ["orphan"]
        transaction.set_rollback(True)


def test_nothing_is_pruned_inside_a_transaction() -> None:
    job = done(one(look, a_word()))
    with transaction.atomic(), pytest.raises(Illegal) as inside:
        pruned(job)
    assert inside.value.code == "inside_transaction"
