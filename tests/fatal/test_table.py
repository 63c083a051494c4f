"""The table of windows itself: complete, without doubles, and what the papers say of it is so."""

from __future__ import annotations

import re

from ledger.crashpoints import POINTS
from tests.docs.pages import ROOT, papers
from tests.fatal.windows.every import WINDOWS

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
