"""The laboratory in which other runtimes repeat the effect: here it happens once, and no state lies about it."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from tests.fatal.processes import ROOT

pytestmark = pytest.mark.fatal


def test_killed_between_the_effect_and_its_record_there_is_one_effect_and_no_lie(postgres_url: str) -> None:
    command = [sys.executable, "-m", "benchmarks.crashlab"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=280, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert [(row["case"], row["effects"], row["state"]) for row in rows] == [
        ("with a probe", 1, "completed"),
        ("without a probe", 1, "parked on unknown_outcome"),
        ("the same, a person has looked", 1, "completed"),
    ]
