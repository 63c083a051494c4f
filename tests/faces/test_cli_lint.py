"""`aetheris lint`: how findings are printed, which are chosen, and how it ends; our own agents are clean."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.faces.command_line import aetheris

ROOT = Path(__file__).parent.parent.parent
BAD = "import time, random\ndef step(ctx, goal):\n    return time.time(), random.random()\n"


@pytest.fixture
def bad(tmp_path: Path) -> Path:
    file = tmp_path / "agents.py"
    file.write_text(BAD)
    return file


def test_findings_are_printed_with_file_line_and_column_and_end_with_1(bad: Path) -> None:
    told = aetheris("lint", str(bad))
    assert told.code == 1
    assert told.out.splitlines()[0].startswith(f"{bad}:3:12: AET001 the clock (time.time) in step: ")
    assert "2 findings in 1 of 1 files" in told.err
    assert [each["code"] for each in aetheris("lint", str(bad.parent), "--format", "json").json] == [
        "AET001",
        "AET002",
    ]
    annotated = aetheris("lint", str(bad), "--format", "github").out
    assert annotated.startswith(f"::error file={bad},line=3,col=12,title=AET001::the clock")


def test_codes_are_selected_and_ignored(bad: Path) -> None:
    assert "AET002" not in aetheris("lint", str(bad), "--select", "AET001").out
    assert aetheris("lint", str(bad), "--ignore", "AET001,aet002").code == 0
    assert aetheris("lint", str(bad), "--select", "X9").code == 2
    assert aetheris("lint", "no-such-file.py").code == 2


def test_our_examples_and_the_agents_of_our_tests_are_clean() -> None:
    told = aetheris(
        "lint",
        *(str(ROOT / name) for name in ("examples", "tests/agents", "tests/hosts", "tests/fatal/agents.py")),
    )
    assert told.code == 0, told.out


def test_the_registered_agents_can_be_looked_at() -> None:
    told = aetheris("lint", "--agents", "--select", "AET000", "--json")
    assert (told.code, told.json) == (0, [])
