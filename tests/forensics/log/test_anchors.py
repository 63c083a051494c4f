"""Anchors: the newest checkpoint goes to every place outside; what fails is on record, tried again, and stops nothing."""

from __future__ import annotations

import logging
import shutil
from base64 import b64decode
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from forensics import log, tasks
from forensics.log import anchors
from forensics.log.anchors import targets
from forensics.models import Anchor
from forensics.notes import read_checkpoint
from jobs import clock
from jobs.core.errors import Illegal
from jobs.queries.stuck import stuck
from tests.forensics.accessing import a_tenant
from tests.forensics.log.authority import certified, openssl, place
from tests.forensics.log.owning import logged
from tests.required import missing

pytestmark = pytest.mark.usefixtures("here")
Anchored = Callable[..., None]


@pytest.fixture
def anchored_at(settings: Any) -> Anchored:
    """Set the places, and have something to hand to them."""

    def set_to(*places: str) -> None:
        settings.AETHERIS = {**settings.AETHERIS, "ANCHORS": list(places)}
        logged(a_tenant(), 1)

    return set_to


def rows(target: str) -> list[tuple[int, str]]:
    return list(Anchor.objects.filter(target=target).order_by("id").values_list("size", "state"))


def newest() -> tuple[int, str]:
    head = log.latest()
    assert head is not None
    return head.size, head.text


def test_a_file_gets_every_checkpoint_behind_the_last_one(anchored_at: Anchored, tmp_path: Path) -> None:
    path = tmp_path / "checkpoints.txt"
    anchored_at(f"file:{path}")
    assert anchors.anchor_all() == 1
    assert anchors.anchor_all() == 0, "it has it"
    first = newest()
    logged(a_tenant(), 1)
    tasks.anchor()
    second = newest()
    assert path.read_text() == f"{first[1]}\n{second[1]}\n"
    assert rows(f"file:{path}") == [(first[0], "done"), (second[0], "done")]
    parts = path.read_text().split("\n\n\u2014")
    assert len(parts) == 3


def test_an_address_gets_it_posted_and_its_answer_is_the_receipt(anchored_at: Anchored) -> None:
    with place() as here:
        anchored_at(here.address.replace("http://", "http://me:secret@") + "?token=secret")
        assert anchors.anchor_all() == 1
        [(kind, body)] = here.got
        assert kind == "text/plain; charset=utf-8"
        assert body.decode() == newest()[1]
        [row] = Anchor.objects.filter(target=here.address)
        assert (row.state, row.receipt, row.attempts, row.next_at) == ("done", "200 thanks", 1, None)


def test_a_place_that_is_away_is_on_record_tried_again_later_and_stops_nothing(
    anchored_at: Anchored, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with place() as here:
        here.status = 503
        path = tmp_path / "a.txt"
        anchored_at(here.address, f"file:{path}")
        with caplog.at_level(logging.WARNING, "aetheris.log"):
            assert anchors.anchor_all() == 1, "the file"
        assert "503" in caplog.text
        [row] = Anchor.objects.filter(target=here.address)
        assert (row.state, row.attempts, "503" in row.error) == ("failed", 1, True)
        first = newest()[0]
        logged(a_tenant(), 1)
        assert newest()[0] > first, "the log goes on"
        anchors.anchor_all()
        assert len(here.got) == 1, "not before its time"
        for tries in (2, 3):
            clock.shift(3700)
            anchors.anchor_all()
            assert len(here.got) == tries
        causes = [each for each in stuck("default") if each["cause"] == "anchor_failed"]
        assert [here.address in each["why"] for each in causes] == [True]
        assert not [each for each in stuck("elsewhere") if each["cause"] == "anchor_failed"]
        here.status = 200
        clock.shift(3700)
        assert anchors.anchor_all() == 1
        assert rows(here.address) == [(first, "superseded"), (newest()[0], "done")]
        assert not [each for each in stuck("default") if each["cause"] == "anchor_failed"]


def test_two_that_anchor_at_once_hand_it_on_once(
    anchored_at: Anchored, monkeypatch: pytest.MonkeyPatch
) -> None:
    with place() as here:
        anchored_at(here.address)
        real = targets._posted

        def slowly(address: str, note: str) -> str:
            assert anchors.anchor_all() == 0, "the other one sees that somebody is at it"
            return real(address, note)

        monkeypatch.setattr(targets, "_posted", slowly)
        assert anchors.anchor_all() == 1
        assert len(here.got) == 1


TAKEN: list[str] = []


def factory() -> Callable[[str], str]:
    """A place of a site's own."""

    def take(note: str) -> str:
        TAKEN.append(note)
        return "row 7"

    return take


def broken_factory() -> Callable[[str], str]:
    """One that cannot be had."""
    raise RuntimeError("no such ledger")


def test_code_of_a_sites_own_gets_the_text_and_gives_a_receipt(anchored_at: Anchored) -> None:
    anchored_at(f"{__name__}:factory", f"{__name__}:broken_factory")
    assert anchors.anchor_all() == 1
    assert TAKEN == [newest()[1]]
    assert Anchor.objects.get(target=f"{__name__}:factory", size=newest()[0]).receipt == "row 7"
    assert "no such ledger" in Anchor.objects.get(target=f"{__name__}:broken_factory", size=newest()[0]).error


@pytest.mark.parametrize("setting", ["", "file:", "ftp://x/y", "rfc3161:", "rfc3161:ftp://x", "nothing"])
def test_a_setting_that_names_no_place_is_said_so(setting: str) -> None:
    with pytest.raises((Illegal, ImportError)):
        targets.target_of(setting)


def test_a_file_that_cannot_be_written_is_a_failure_on_record(anchored_at: Anchored, tmp_path: Path) -> None:
    anchored_at(f"file:{tmp_path}/no/such/folder")
    assert anchors.anchor_all() == 0
    assert "No such file" in Anchor.objects.get(target=f"file:{tmp_path}/no/such/folder").error


@pytest.fixture
def authority(tmp_path: Path) -> Path:
    """A folder with a CA and a time-stamping authority."""
    if shutil.which("openssl") is None:
        missing("openssl", "openssl is not on PATH, and no time-stamping authority can be made without it")
    certified(tmp_path)
    return tmp_path


def test_a_time_stamp_of_a_local_authority_verifies_with_openssl(
    anchored_at: Anchored, authority: Path
) -> None:
    with place(authority) as here:
        anchored_at(f"rfc3161:{here.address}")
        assert anchors.anchor_all() == 1, Anchor.objects.order_by("-id")[0].error
        assert here.got[0][0] == "application/timestamp-query"
    size, note = newest()
    row = Anchor.objects.get(target=f"rfc3161:{here.address}", size=size)
    (authority / "stamp.tsr").write_bytes(b64decode(row.receipt))
    (authority / "checkpoint.txt").write_text(note)
    ask = (
        "ts",
        "-verify",
        "-in",
        authority / "stamp.tsr",
        "-CAfile",
        authority / "ca.pem",
        "-data",
        authority / "checkpoint.txt",
    )
    done = openssl(*ask)
    assert done.returncode == 0, done.stderr
    assert "Verification: OK" in done.stdout
    (authority / "checkpoint.txt").write_text(note.replace(f"\n{size}\n", f"\n{size + 1}\n"))
    assert openssl(*ask).returncode != 0
    assert read_checkpoint(note).size == size


def test_a_time_stamp_of_something_else_or_no_time_stamp_is_a_failure(
    anchored_at: Anchored, authority: Path
) -> None:
    with place(authority) as here:
        anchored_at(f"rfc3161:{here.address}")
        anchors.anchor_all()
        earlier = b64decode(Anchor.objects.get(target=f"rfc3161:{here.address}").receipt)
    for content, why in ((earlier, "of something else"), (b"hello", "no time-stamp"), (b"", "no time-stamp")):
        with place() as here:
            here.content = content
            anchored_at(f"rfc3161:{here.address}")
            assert anchors.anchor_all() == 0
            assert why in Anchor.objects.get(target=f"rfc3161:{here.address}").error
