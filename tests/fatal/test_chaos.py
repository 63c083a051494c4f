"""The chaos run: its schedule is the seed's, and a short run on each database keeps every promise."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.binaries import ServerMissing, postgres_binaries, valkey_binary
from tests.fatal.chaos import moods
from tests.fatal.chaos.faults import Faults
from tests.fatal.chaos.report import markdown
from tests.fatal.chaos.schedule import FAULTS, draw
from tests.fatal.chaos.stack import Part
from tests.fatal.processes import ROOT, Running
from tests.required import missing

SECONDS = {"sqlite": 30, "postgres": 30}
SEED = 20_261


def chaos(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the program."""
    command = [sys.executable, "-m", "tests.fatal.chaos", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=900, check=False)


@pytest.mark.parametrize("database", ["sqlite", "postgres"])
def test_a_seed_is_a_schedule(database: str) -> None:
    first, again = (draw(7, seconds=60, jobs=100, database=database) for _ in range(2))
    assert first == again
    assert len(first.orders) == 100
    assert {fault.kind for fault in first.faults} == set(FAULTS[database])
    other = draw(8, seconds=60, jobs=100, database=database)
    assert other.faults != first.faults
    assert other.orders != first.orders


def test_more_jobs_change_no_fault() -> None:
    few, many = (draw(7, seconds=60, jobs=jobs, database="sqlite") for jobs in (10, 300))
    assert few.faults == many.faults


def test_the_schedule_is_printed_and_nothing_is_done() -> None:
    arguments = [
        "--seed",
        "7",
        "--seconds",
        "20",
        "--jobs",
        "5",
        "--database",
        "postgres",
        "--print-schedule",
    ]
    first, again = chaos(*arguments), chaos(*arguments)
    assert first.returncode == 0, first.stderr
    assert first.stdout == again.stdout == str(draw(7, seconds=20, jobs=5, database="postgres")) + "\n"


def test_the_world_behaves_as_the_seed_says() -> None:
    assert moods.effect(1, "C-1.pay", 1) == moods.effect(1, "C-1.pay", 1)
    drawn = {moods.effect(1, f"C-{number}.pay", 1)[:2] for number in range(400)}
    assert drawn == {mood[:2] for mood, _ in moods.EFFECTS} | {moods.NORMAL[:2]}
    assert moods.effect(1, "C-1.pay", moods.CALM_AFTER + 1) == moods.NORMAL


@pytest.mark.fatal
@pytest.mark.timeout(1000)
@pytest.mark.parametrize("database", ["sqlite", "postgres"])
def test_every_promise_is_kept_while_everything_breaks(database: str, tmp_path: Path) -> None:
    if database == "postgres":
        try:
            postgres_binaries(), valkey_binary()
        except ServerMissing as reason:
            missing("postgres", str(reason))
    told = tmp_path / "report.json"
    ran = chaos(
        "--seed", str(SEED), "--seconds", str(SECONDS[database]), "--database", database, "--json", str(told)
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    facts = json.loads(told.read_text())
    assert facts["violations"] == []
    assert facts["effects"]["twice"] == 0
    assert facts["effects"]["happened"] > 50, "too little happened to prove anything"
    assert facts["takeovers"] > 0
    assert facts["unknown"]["all"] > 0
    assert markdown([facts]).count("\n") == 2


def test_a_run_is_not_mixed_with_an_earlier_one(tmp_path: Path) -> None:
    (tmp_path / "report.json").write_text("{}")
    refused = chaos("--keep", str(tmp_path), "--seconds", "1")
    assert refused.returncode == 2
    assert "is not empty" in refused.stderr


def test_a_part_that_is_killed_while_it_drains_gets_one_successor(tmp_path: Path) -> None:
    """Two would both want the one port, and the first would be nobody's any more."""
    part = Part("api0", "uvicorn", [])
    part.running = victim = Running(1, tmp_path / "log")
    begun: list[str] = []

    def begin(each: Part) -> None:
        begun.append(each.name)
        each.running = Running(2, tmp_path / "log")

    faults = Faults(SimpleNamespace(begin=begin), (), lambda *_: None, 1)  # type: ignore[arg-type]
    for _ in range(2):
        faults._replace(part, victim)
    assert begun == ["api0"]
