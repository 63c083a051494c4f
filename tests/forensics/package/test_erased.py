"""Packages of jobs with erased bodies: they export and verify, and name what was erased, why, and on what ground."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest

from forensics import standalone
from forensics.package.exporting import export
from jobs.models import Event
from tests.agents.tools import look
from tests.engine.driving import a_word
from tests.forensics.cast import CAST
from tests.forensics.forgetting import WHY, done, ended, erased, one, paid, pruned, some
from tests.forensics.package.packing import Copy, alone
from tests.forensics.test_forgotten import talkative

pytestmark = pytest.mark.usefixtures("here")


def packed(job: str, folder: Path, **more: object) -> Path:
    path = folder / f"{job}.zip"
    export(job, path, **more)  # type: ignore[arg-type]
    return path


@pytest.mark.parametrize("name", sorted(CAST))
def test_whatever_is_erased_the_package_verifies(name: str, tmp_path: Path) -> None:
    job = CAST[name]()
    if not ended(job):
        pytest.skip("it cannot be brought to its end")
    for choice in ({"events": some(job, 5)}, {"everything": True}):
        gone = {each["seq"] for each in erased(job, **choice)["erased"]}
        found = standalone.verify(packed(job, tmp_path), standalone.Wishes())
        assert found.problem is None, found.problem
        if gone:
            told = {seq for each in found.to_json()["erased"] for seq in each["seq"]}
            assert gone <= told


@pytest.mark.parametrize(
    "name", ["approved_and_paid", "refused", "with_a_large_body", "compensated", "mapped_with_a_failure"]
)
@pytest.mark.parametrize("whole", [True, False])
def test_a_redacted_package_of_an_erased_job_verifies_too(name: str, whole: bool, tmp_path: Path) -> None:
    job = CAST[name]()
    assert ended(job)
    erased(job, **({"everything": True} if whole else {"events": some(job, 5)}))
    found = standalone.verify(packed(job, tmp_path, profile="default"), standalone.Wishes())
    assert found.problem is None


def test_an_erasing_that_no_event_tells_of_or_that_is_told_of_another_is_found(tmp_path: Path) -> None:
    """Bodies that were removed from a package are not passed off as erased ones."""
    job = done(paid(a_word()))
    erased(job, events=[2])
    path = packed(job, tmp_path)
    for seq in (1, 3):
        copy = Copy(path)
        copy.edit("events.jsonl", seq, lambda event: {**event, "body": None, "raw": None, "salt": None})
        (tmp_path / "forged.zip").write_bytes(copy.resealed())
        found = standalone.verify(tmp_path / "forged.zip", standalone.Wishes()).problem
        assert found is not None
        assert (found.kind, found.seq) == ("changed_body", seq)
        assert "no event says that it was erased" in found.message


def test_the_package_says_who_erased_what_why_and_on_what_ground_and_holds_no_word_of_it(
    tmp_path: Path,
) -> None:
    word = f"canary-{a_word()}"
    job = talkative(word)
    erased(job)
    path = packed(job, tmp_path)
    with ZipFile(path) as package:
        for name in package.namelist():
            assert word.encode() not in package.read(name), name
    ran = alone(tmp_path, path)
    assert ran.returncode == 0, ran.stdout
    assert f"on the ground of {WHY['legal_basis']}: {WHY['reason']}" in ran.stdout
    told = standalone.verify(path, standalone.Wishes()).to_json()["erased"]
    assert [(each["legal_basis"], each["reason"], each["by"]["name"]) for each in told] == [
        (WHY["legal_basis"], WHY["reason"], "officer")
    ]
    assert told[0]["seq"] == [
        seq
        for seq in Event.objects.filter(job_id=job, body__isnull=True)
        .order_by("seq")
        .values_list("seq", flat=True)
    ]


def test_an_erased_job_is_archived_and_pruned_like_any_other(tmp_path: Path) -> None:
    job = done(paid(a_word()))
    erased(job)
    stone = pruned(job, archive=str(tmp_path))
    assert standalone.verify(Path(stone.archive), standalone.Wishes(job=job)).problem is None


def test_an_erasing_of_so_much_that_its_word_stands_outside_its_event(tmp_path: Path, settings: Any) -> None:
    job = done(one(look, a_word()))
    settings.AETHERIS = {**settings.AETHERIS, "INLINE_LIMIT": 100}
    gone = [each["seq"] for each in erased(job)["erased"]]
    assert '"$blobs"' in str(Event.objects.filter(job_id=job, type="payload_erased").get().body)
    found = standalone.verify(packed(job, tmp_path), standalone.Wishes())
    assert found.problem is None
    assert found.to_json()["erased"][0]["seq"] == gone
