"""Logs: appended, set aside when they are full, and shown from the last start only."""

from __future__ import annotations

from pathlib import Path

import pytest

from aetheris_site.stack import logs
from tests.stack import toys


def test_a_log_goes_on_where_it_ended(tmp_path: Path) -> None:
    place = toys.place(tmp_path)
    assert logs.open_at_end(place, "api") == 0
    logs.log_file(place, "api").write_text("before\n")
    begin = logs.open_at_end(place, "api")
    with logs.log_file(place, "api").open("a") as file:
        file.write("after\n")
    assert logs.since(place, "api", begin) == "after\n"


def test_a_full_log_is_set_aside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = toys.place(tmp_path)
    monkeypatch.setattr(logs, "FULL", 3)
    logs.log_file(place, "api").write_text("full")
    assert logs.open_at_end(place, "api") == 0
    assert (tmp_path / "bin" / "api.log.1").read_text() == "full"


def test_only_the_end_of_a_long_log_is_shown(tmp_path: Path) -> None:
    place = toys.place(tmp_path)
    logs.log_file(place, "api").write_text("".join(f"line {n}\n" for n in range(100)))
    shown = logs.tail(place, "api", 0).splitlines()
    assert shown[0].startswith("--- the end of ")
    assert shown[1:] == [f"  line {n}" for n in range(100 - logs.SHOWN, 100)]
