"""`monitor`: the state of the whole system on one screen, once or again and again."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

from .failures import Failure
from .options import DURATION, Verb
from .output import document
from .session import Session
from .words import clean, compact, line

if TYPE_CHECKING:
    from .client import Api


@click.command(cls=Verb, example="aetheris monitor --watch --interval 5s")
@click.option("--watch", is_flag=True, help="Go on until Ctrl-C.")
@click.option(
    "--interval", type=DURATION, default=2.0, show_default="2s", help="With --watch: time between looks."
)
@click.pass_obj
def monitor(session: Session, watch: bool, interval: float) -> None:
    """Show jobs, workers and what is stuck, on one screen."""
    if watch and session.json:
        raise click.UsageError("--json prints one document, --watch never ends: give one of them.")
    api = session.api()
    if session.json:
        document(_look(api))
    elif watch:
        _watch(api, session, max(interval, 0.2))
    else:
        click.echo("\n".join(screen(_look(api))))


def _look(api: Api) -> dict[str, Any]:
    return {"overview": api.get("/api/system/overview"), "stuck": api.get("/api/system/stuck")}


def screen(found: Mapping[str, Any]) -> Iterator[str]:
    """The lines of one screen: each figure with its name, then what is stuck."""
    figures = dict(_flat(found["overview"]))
    width = max((len(name) for name in figures), default=0)
    for name, value in figures.items():
        yield f"{name.ljust(width)}  {value}"
    stuck = found["stuck"]
    rows = stuck.get("results", []) if isinstance(stuck, Mapping) else stuck
    yield ""
    yield f"Stuck: {len(rows)}" if rows else "Nothing is stuck."
    for row in rows:
        place = line(f"{row.get('cause')}: job {row.get('job') or '–'} {row.get('node') or ''}".rstrip())
        yield f"  {place}: {line(str(row.get('why')))}. To do: {line(str(row.get('advice')))}"


def _flat(value: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, str]]:
    for key, inner in value.items():
        name = f"{above}{str(key).replace('_', ' ')}"
        if isinstance(inner, Mapping) and inner:
            yield from _flat(inner, f"{name} ")
        else:
            yield clean(name), compact(inner) or "-"


def _watch(api: Api, session: Session, interval: float) -> None:
    """Look again and again. A server that is away for a while is said to be, and looked for again."""
    if not session.on_terminal:
        while True:
            click.echo("\n".join(_dated(api)) + "\n")
            time.sleep(interval)
    from rich.live import Live
    from rich.text import Text

    with Live(Text("\n".join(_dated(api))), screen=True, auto_refresh=False) as live:
        while True:
            time.sleep(interval)
            live.update(Text("\n".join(_dated(api))), refresh=True)


def _dated(api: Api) -> list[str]:
    now = f"{api.address} at {datetime.now(UTC):%H:%M:%S}Z (Ctrl-C ends)"
    try:
        return [now, "", *screen(_look(api))]
    except Failure as failure:
        if failure.code not in ("unreachable", "no_answer", "database_unavailable"):
            raise
        return [now, "", *failure.format_message().split("\n")]
