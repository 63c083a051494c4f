"""The table of windows itself: complete, without doubles, and what the papers say of it is so."""

from __future__ import annotations

import re
import subprocess
import sys
from typing import Any

from ledger.crashpoints import POINTS
from tests.docs.pages import ROOT, papers
from tests.fatal.windows.every import WINDOWS
from tests.fatal.windows.table import printed

NAMED = re.compile(r"test_windows\.py::test_nothing_is_lost_and_nothing_is_done_twice\[([\w-]+)\]")


def test_every_crash_point_is_passed_by_some_window() -> None:
    assert {window.point for window in WINDOWS} - {""} == POINTS


def test_no_two_windows_have_one_name() -> None:
    names = [window.id for window in WINDOWS]
    assert len(names) == len(set(names))


def test_every_window_that_a_page_names_exists() -> None:
    known = {window.id for window in WINDOWS}
    for page in papers():
        assert set(NAMED.findall(page.read_text("utf-8"))) <= known, page.relative_to(ROOT)


def test_a_window_that_was_violated_or_not_played_is_counted_and_named() -> None:
    good: dict[str, Any] = {
        "found": ["lease_lost"],
        "effects": [1],
        "resolved": ["x"],
        "problem": "",
        "seconds": 1,
    }
    told = {window.id: {"sqlite": good, "postgresql": good} for window in WINDOWS}
    databases = ("sqlite", "postgresql")
    assert printed(told, databases)[1] == 0
    told[WINDOWS[0].id] = {"sqlite": good}
    told[WINDOWS[1].id] = {"sqlite": good, "postgresql": {**good, "problem": "effects (2,)"}}
    table, bad = printed(told, databases)
    assert bad == 2
    assert printed({WINDOWS[0].id: {"sqlite": good}}, ["sqlite"], whole=False)[1] == 0
    lines = table.splitlines()
    assert len(lines) == 1 + len(WINDOWS)
    assert lines[1].endswith("NOT PLAYED")
    assert lines[2].endswith("VIOLATED: effects (2,)")


def test_the_command_says_how_it_is_used() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.fatal", "--help"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert "--seconds" in done.stdout
