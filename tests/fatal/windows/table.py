"""The table of windows: printed for a run, with what it came to, and kept in the papers, as it must be.

`python -m tests.fatal.windows.table docs/guarantees.md` writes it anew between the two comments of that page.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from tests.fatal.windows.every import WINDOWS
from tests.fatal.windows.window import DECLARED, Window

RESULTS = "FATAL_RESULTS"  # names a file: what each window came to, one JSON document a line
Played = dict[str, Any]  # what a window came to, as `playing.Result` is written
Told = dict[str, dict[str, Played]]  # by window and database
BEGIN, END = "<!-- windows: begin -->", "<!-- windows: end -->"
COLUMNS = ("Where", "Killed", "Steps", "Tool", "What is found", "Effects", "How it comes right", "Ends")
DATABASES = {"sqlite": "SQLite", "postgresql": "Postgres"}
WIDEST = 60


def markdown() -> str:
    """The table as it must be: windows that differ only in the form of the step stand in one row."""
    rows: dict[tuple[str, ...], list[str]] = {}
    for window in WINDOWS:
        rows.setdefault(_row(window), []).append(window.form)
    lines = [f"| {' | '.join(COLUMNS)} |", "|---" * len(COLUMNS) + "|"]
    for (where, killed, *rest), forms in rows.items():
        lines.append(f"| {' | '.join([where, killed, ', '.join(dict.fromkeys(forms)), *rest])} |")
    return "\n".join(lines) + "\n"


def _row(window: Window) -> tuple[str, ...]:
    found = _words(f"`{each}`" for each in window.found)
    if window.may - window.found:
        perhaps = _words(f"`{each}`" for each in window.may - window.found)
        found = f"{found}, perhaps {perhaps}" if window.found else f"perhaps {perhaps}"
    resolved = _words(window.resolved | window.perhaps, ", or " if window.perhaps else "; ")
    effects = _words(map(str, window.effects))
    return window.where, window.killed, DECLARED[window.tool], found, effects, resolved, window.ends


def _words(each: Iterable[str], between: str = ", ") -> str:
    return between.join(sorted(each)) or "–"


def inserted(page: str) -> str:
    """The page with the table of now between its two comments.

    Raises:
        ValueError: it has not both of them.
    """
    before, begun, rest = page.partition(BEGIN)
    _, ended, after = rest.partition(END)
    if not (begun and ended):
        raise ValueError(f"the page has no {BEGIN} … {END}")
    return f"{before}{BEGIN}\n{markdown()}{END}{after}"


def results(file: Path) -> Told:
    """What a run came to: by window and database; of one that was played twice, the last."""
    told: Told = {}
    for line in file.read_text("utf-8").splitlines() if file.exists() else []:
        result = json.loads(line)
        told.setdefault(result["id"], {})[result["database"]] = result
    return told


def printed(told: Told, databases: Sequence[str], *, whole: bool = True) -> tuple[str, int]:
    """The table of a run.

    Args:
        told: from `results`.
        databases: which were to be played on.
        whole: every window was to be played; else those that were chosen.

    Returns:
        The table, and how many windows were violated or not played.
    """
    head: tuple[str, ...] = (
        "window",
        "killed",
        "what was found",
        "effects",
        "how resolved",
        *(DATABASES[each] for each in databases),
    )
    rows: list[tuple[str, ...]] = [head]
    bad = 0
    for window in (each for each in WINDOWS if whole or each.id in told):
        of_it = told.get(window.id, {})
        marks = [_mark(of_it.get(database)) for database in databases]
        bad += sum(not mark.startswith("ok") for mark in marks)
        rows.append((window.id, window.killed, *_seen(of_it), *marks))
    widths = [min(WIDEST, max(len(row[column]) for row in rows)) for column in range(len(head))]
    lines = [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    ]
    return "\n".join(lines), bad


def _seen(of_it: dict[str, Played]) -> tuple[str, str, str]:
    """What was there; where the databases differ, as threads may, all of it."""

    def every(column: str) -> str:
        seen = (", ".join(map(str, each[column])) for each in of_it.values())
        return " | ".join(dict.fromkeys(seen)) or "–"

    return every("found"), every("effects"), every("resolved")


def _mark(result: Played | None) -> str:
    if result is None:
        return "NOT PLAYED"
    return f"VIOLATED: {result['problem']}" if result["problem"] else f"ok {result['seconds']} s"


def main(page: Path) -> None:
    """Write the table into a page."""
    page.write_text(inserted(page.read_text("utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
