"""How answers are printed: tables on a terminal, aligned plain text elsewhere, one JSON document with --json."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import click

from .words import clean, line

Row = Mapping[str, Any]
Columns = Mapping[str, Callable[[Row], str]]

_STYLES = {
    "completed": "green",
    "done": "green",
    "approved": "green",
    "alive": "green",
    "running": "cyan",
    "idle": "green",
    "waiting": "yellow",
    "parked": "yellow",
    "open": "yellow",
    "draining": "yellow",
    "unknown": "red",
    "failed": "red",
    "rejected": "red",
    "cancelled": "magenta",
    "dead": "red",
}


def document(value: Any) -> None:
    """Print one JSON document. ASCII only, so that no locale and no terminal can spoil it."""
    click.echo(json.dumps(value, indent=2))


def note(text: str) -> None:
    """Say something beside the answer, on stderr."""
    click.echo(clean(text), err=True)


def table(rows: Iterable[Row], columns: Columns, empty: str) -> None:
    """Print rows under titles; `empty` is said on stderr when there are none."""
    lines = [[line(read(row)) for read in columns.values()] for row in rows]
    if not lines:
        note(empty)
    elif sys.stdout.isatty():
        _rich(list(columns), lines)
    else:
        _plain([title.upper() for title in columns], lines)


def record(pairs: Mapping[str, str], *, beside: bool = False) -> None:
    """Print names with their values, one a line; a name without value is left out.

    Args:
        pairs: what to print.
        beside: on stderr, because the answer itself is something else.
    """
    shown = {name: value for name, value in pairs.items() if value}
    width = max((len(name) for name in shown), default=0)
    for name, value in shown.items():
        first, *rest = clean(value).split("\n")
        click.echo(f"{_styled(name.ljust(width), 'bold')}  {_coloured(first)}", err=beside)
        for more in rest:
            click.echo(f"{' ' * width}  {more}", err=beside)


def status(word: str) -> str:
    """A status in its colour where there are colours; padded words keep their padding."""
    return _coloured(clean(word))


def heading(text: str) -> None:
    """Print a title above a block of the answer."""
    click.echo(_styled(f"\n{clean(text)}", "bold"))


def _plain(titles: Sequence[str], lines: Sequence[Sequence[str]]) -> None:
    widths = [max(len(each[index]) for each in (titles, *lines)) for index in range(len(titles))]
    for each in (titles, *lines):
        click.echo("  ".join(cell.ljust(width) for cell, width in zip(each, widths, strict=True)).rstrip())


def _rich(titles: Sequence[str], lines: Sequence[Sequence[str]]) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    made = Table(box=SIMPLE_HEAD, pad_edge=False)
    for index, title in enumerate(titles):
        is_id = index == 0  # never broken: it is there to be copied
        made.add_column(title, no_wrap=is_id, overflow="ignore" if is_id else "fold")
    for each in lines:
        made.add_row(*(Text(cell, style=_STYLES.get(cell, "")) for cell in each))
    Console().print(made)


def _coloured(word: str) -> str:
    colour = _STYLES.get(word.strip())
    return click.style(word, fg=colour) if colour and _has_colours() else word


def _styled(text: str, weight: str) -> str:
    return click.style(text, bold=weight == "bold") if _has_colours() else text


def _has_colours() -> bool:
    import os

    return sys.stdout.isatty() and not os.environ.get("NO_COLOR")
