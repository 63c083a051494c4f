"""`make bench`: it runs on servers of its own, and its report says what was measured, also for programs."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from tests.fatal.processes import ROOT


def bench(*args: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "benchmarks", *args]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=280, check=False)


def test_the_cases_have_names_and_another_one_is_refused() -> None:
    listed = bench("--list")
    assert listed.returncode == 0
    names = {line.split()[0] for line in listed.stdout.splitlines()}
    assert {
        "latency",
        "throughput-16",
        "knock",
        "signal",
        "fan-out",
        "take-over",
        "long-job",
        "profile",
    } <= names
    refused = bench("--case", "lateny")
    assert refused.returncode == 2
    assert "there is no case 'lateny'" in refused.stderr
    assert bench("--rounds", "0").returncode == 2


def test_a_case_leaves_a_report_for_people_for_programs_and_as_pictures(
    postgres_url: str, tmp_path: Path
) -> None:
    done = bench("--case", "profile", "--quick", "--json", "--out", str(tmp_path))
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    (case,) = told["cases"]
    (line,) = case["lines"]
    assert told["failures"] == []
    assert line["median"] > 0
    assert 0.99 < sum(line["more"].values()) < 1.01
    assert told["machine"]["cores"] >= 1
    assert {each.name for each in tmp_path.iterdir()} == {
        "report.md",
        "report.json",
        "profile.svg",
        "flames.svg",
    }
    report = (tmp_path / "report.md").read_text()
    assert "next three levers" in report
    assert str(ROOT) not in report
    assert str(ROOT) not in (tmp_path / "flames.svg").read_text()
