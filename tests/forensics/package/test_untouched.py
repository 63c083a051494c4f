"""An untouched package verifies, whatever its job has been through; and the same head gives the same bytes."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from forensics import standalone
from forensics.package import export
from tests.forensics.cast import CAST
from tests.forensics.looking import everything
from tests.forensics.package.packing import Copy, alone, our_key

pytestmark = pytest.mark.usefixtures("here")


@pytest.mark.parametrize("profile", ["none", "default"])
@pytest.mark.parametrize("name", sorted(CAST))
def test_a_package_verifies_and_is_the_same_byte_for_byte(name: str, profile: str, tmp_path: Path) -> None:
    job = CAST[name]()
    before = everything(job)
    first, second = (export(job, tmp_path / each, profile=profile) for each in ("a.zip", "b.zip"))
    assert everything(job) == before
    assert first.sha256 == second.sha256
    assert (tmp_path / "a.zip").read_bytes() == (tmp_path / "b.zip").read_bytes()
    report = standalone.verify(tmp_path / "a.zip", standalone.Wishes(keys=(our_key(),), job=job))
    assert report.ok, report.to_json()
    assert {check.status for check in report.checks} == {"pass"}
    assert report.facts["head"] == {"seq": first.seq, "hash": first.hash}


def test_every_wire_field_is_there_with_the_stored_text(tmp_path: Path) -> None:
    job = CAST["approved_and_paid"]()
    export(job, tmp_path / "a.zip")
    events = Copy(tmp_path / "a.zip").values(standalone.EVENTS)
    assert [event["seq"] for event in events] == list(range(1, len(events) + 1))
    for event in events:
        assert json.loads(event["raw"]) == event["body"]
    assert list(tmp_path.iterdir()) == [tmp_path / "a.zip"]


def test_a_copy_of_the_program_alone_says_the_same_with_nothing_but_python(tmp_path: Path) -> None:
    export(CAST["with_a_large_body"](), tmp_path / "a.zip")
    said = alone(tmp_path, tmp_path / "a.zip", "--key", standalone.vkey_of("aetheris.local/log", our_key()))
    assert said.returncode == 0, said.stdout + said.stderr
    assert said.stdout.splitlines()[-1] == "OK"
    bare = alone(tmp_path, tmp_path / "a.zip", library=False)
    assert bare.returncode == 0, bare.stdout + bare.stderr
    assert "`cryptography` is not installed" in bare.stdout
    assert "not pinned" in bare.stdout


def test_the_program_in_the_package_is_the_one_that_the_readme_names(tmp_path: Path) -> None:
    export(CAST["not_begun"](), tmp_path / "a.zip")
    copy = Copy(tmp_path / "a.zip")
    program = copy.files["verify.py"]
    assert program == Path(standalone.__file__).read_bytes()
    assert standalone.sha256(program) in copy.files["README.txt"].decode()
    assert sys.version_info >= (3, 11)
