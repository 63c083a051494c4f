"""Crash points: nothing when off, a known name when on, and nobody stands still inside a transaction."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

from ledger import crashpoints
from ledger.crashpoints import POINTS, REFUSED_STATUS, TRANSACTION, crashpoint, parse

ROOT = Path(__file__).parents[2]
ONE_CHECK = 7  # instructions: begin, load the plan, compare it with None, return
IN_A_TRANSACTION = """
from django.conf import settings
settings.configure(DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}})
from django.db import transaction
from ledger.crashpoints import crashpoint
crashpoint("after_claim")  # outside: nothing is due yet
with transaction.atomic():
    crashpoint("after_claim")
print("it went on")
"""


def calls() -> Iterator[ast.Call]:
    """All places of the code."""
    files = [
        file
        for package in ("ledger", "jobs", "forensics", "aetheris_site")
        for file in (ROOT / package).rglob("*.py")
    ]
    for node in (each for file in files for each in ast.walk(ast.parse(file.read_text("utf-8")))):
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "crashpoint":
            yield node


def test_the_list_holds_the_points_of_the_code_and_no_other() -> None:
    parts = [part for call in calls() for part in ast.walk(call.args[0])]
    assert {part.value for part in parts if isinstance(part, ast.Constant)} == POINTS


def test_a_point_that_is_off_costs_one_look_at_one_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(crashpoints, "_plan", None)
    done: list[str] = []

    def watch(frame: FrameType, event: str, argument: Any) -> Any:
        frame.f_trace_opcodes = frame.f_code is crashpoint.__code__
        done.append(event)
        return watch

    before = sys.gettrace()
    sys.settrace(watch)
    crashpoint("after_claim")
    sys.settrace(before)
    assert done.count("call") == 1
    assert done.count("opcode") <= ONE_CHECK


def test_an_unknown_point_is_refused_and_the_known_ones_are_named() -> None:
    with pytest.raises(ValueError, match="after_claim"):
        parse("elsewhere:1")


@pytest.mark.parametrize("name", TRANSACTION)
@pytest.mark.parametrize("action", ["STOP", "HOLD"])
def test_nobody_is_told_to_stand_still_where_a_transaction_is_open(name: str, action: str) -> None:
    with pytest.raises(ValueError, match="inside a transaction"):
        parse(f"{name}:1:{action}")
    assert parse(f"{name}:1") is not None


@pytest.mark.parametrize("action", ["STOP", "HOLD"])
def test_who_would_stand_still_inside_a_transaction_ends_instead_and_says_why(action: str) -> None:
    env = {**os.environ, "AETHERIS_CRASH": f"after_claim:2:{action}", "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", IN_A_TRANSACTION]
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == REFUSED_STATUS
    assert "refused to stop inside a transaction" in done.stderr
    assert "it went on" not in done.stdout
