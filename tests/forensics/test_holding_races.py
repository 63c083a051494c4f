"""A hold that is placed while something is being taken away: either it came first, or what it covers was gone before."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from django.db import transaction

from jobs import archiving
from jobs.archiving import Archived, forgotten
from jobs.core.errors import Gone, Illegal
from jobs.models import Event, Hold, Job, Tombstone
from jobs.services import erase, hold, prune
from tests.factories import a_tenant, person
from tests.forensics.forgetting import WHY
from tests.forensics.test_holding import done
from tests.store.rivals import Aside

pytestmark = pytest.mark.usefixtures("here")
LONG_ENOUGH = 0.4  # seconds in which whoever is not kept waiting would be done
TAKES: dict[str, Callable[[Job, Any], Any]] = {
    "prune": lambda job, officer: prune(job.id, reason="r", actor=officer),
    "erase": lambda job, officer: erase(job.id, everything=True, **{**WHY, "actor": officer}),
}


def is_whole(job: Job) -> bool:
    rows = Event.objects.filter(job_id=job.id)
    return rows.count() >= job.head_seq and not rows.filter(body__isnull=True).exists()


@contextmanager
def inside(act: Callable[[], None]) -> Iterator[None]:
    """Do something once, in the transaction in which something is taken away."""
    left = [act]

    def once(**_: Any) -> None:
        if left:
            left.pop()()

    forgotten.connect(once, dispatch_uid="a rival", weak=False)
    try:
        yield
    finally:
        forgotten.disconnect(dispatch_uid="a rival")


@pytest.mark.parametrize("take", TAKES)
def test_a_hold_waits_for_what_is_already_under_way(take: str) -> None:
    """Its answer never says that a job is safe which goes a moment later."""
    job = done(a_tenant(), "case-7")
    officer = person("officer", tenant=job.tenant)
    placing: list[Aside] = []

    def rival() -> None:
        placing.append(Aside(lambda: hold("tag", "case-7", reason="r", actor=officer)))
        placing[0]._thread.join(LONG_ENOUGH)
        assert placing[0].running

    with inside(rival):
        TAKES[take](job, officer)
    placed = placing[0].result()
    assert not is_whole(job)
    assert Hold.objects.filter(id=placed.id).exists()


@pytest.mark.parametrize("take", TAKES)
def test_what_is_taken_away_waits_for_a_hold_that_is_being_placed(take: str) -> None:
    job = done(a_tenant(), "case-7")
    officer = person("officer", tenant=job.tenant)
    with transaction.atomic():
        hold("tag", "case-7", reason="in court", actor=officer)
        taking = Aside(lambda: TAKES[take](job, officer))
        taking._thread.join(LONG_ENOUGH)
        assert taking.running
    with pytest.raises(Illegal, match="in court"):
        taking.result()
    assert is_whole(job)


@pytest.mark.parametrize("take", TAKES)
def test_of_two_at_once_exactly_one_has_its_way(take: str) -> None:
    for _ in range(12):
        job = done(a_tenant(), "case-7")
        officer = person("officer", tenant=job.tenant)
        line = threading.Barrier(2)

        def place(job: Job = job, officer: Any = officer, line: threading.Barrier = line) -> str:
            line.wait(10)
            try:
                return str(hold("job", str(job.id), reason="r", actor=officer).id)
            except Gone:
                return "gone"

        def away(job: Job = job, officer: Any = officer, line: threading.Barrier = line) -> str:
            line.wait(10)
            try:
                TAKES[take](job, officer)
            except Illegal as refused:
                return str(refused.code)
            return "taken"

        placing, taking = Aside(place), Aside(away)
        placed, taken = placing.result(), taking.result()
        assert (taken == "taken") == (not is_whole(job))
        assert taken in ("taken", "legal_hold")
        if taken == "legal_hold":
            assert placed != "gone"


def test_a_hold_that_comes_while_the_package_is_written_keeps_the_job_and_leaves_no_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = done(a_tenant(), "case-7")
    officer = person("officer", tenant=job.tenant)
    writes = archiving.archiver()

    def slow(asked: Any, folder: Path) -> Archived:
        made = writes(asked, folder)
        hold("tag", "case-7", reason="in court", actor=officer)
        return made

    monkeypatch.setattr(archiving, "_known", [slow])
    with pytest.raises(Illegal, match="in court"):
        prune(job.id, reason="r", actor=officer, archive=str(tmp_path))
    assert is_whole(job)
    assert not Tombstone.objects.filter(job_id=job.id).exists()
    assert list(tmp_path.rglob("*.zip")) == [], "a copy of a job that was kept would outlive an erasing"
