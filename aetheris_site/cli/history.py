"""`events`, `trace` and `node`: what happened in a job, as facts, as a tree, and in one place."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import click

from .options import Verb
from .output import Columns, document, heading, record, table
from .paths import job_path, node_path
from .reading import error_text
from .session import Session
from .tree import tree_lines
from .words import compact, line, moment, pretty

if TYPE_CHECKING:
    from .client import Api

Event = Mapping[str, Any]


def event_line(event: Event) -> str:
    """One event on one line: number, time, kind, node, body."""
    words = [
        str(event["seq"]).rjust(5),
        str(event["at"]),
        str(event["type"]).ljust(24),
        str(event["node"] or "-"),
    ]
    text = event["raw"] if event.get("raw") is not None else compact(event.get("body"))
    return line("  ".join([*words, text])).rstrip()


@click.command(cls=Verb, example="aetheris events 0197c1a2-… --follow")
@click.argument("job")
@click.option("--follow", "live", is_flag=True, help="Print events as they come, until the job ends.")
@click.option("--raw", is_flag=True, help="Print each body as the text that is hashed.")
@click.option(
    "--after", type=click.IntRange(0), default=0, metavar="SEQ", help="Only events behind this number."
)
@click.pass_obj
def events(session: Session, job: str, live: bool, raw: bool, after: int) -> None:
    """Print the events of a job, from the first on."""
    if live and raw:
        raise click.UsageError("--raw is not for a live stream; leave --follow out to see stored texts.")
    api = session.api()
    found = _live(api, job, after) if live else _stored(api, job, after, raw)
    if session.json:
        _one_document(found)
        return
    for event in found:
        click.echo(event_line(event))


def _live(api: Api, job: str, after: int) -> Iterator[Event]:
    from .stream import follow

    api.get(job_path(job))
    return follow(api, job, after=after)


def _stored(api: Api, job: str, after: int, raw: bool) -> Iterator[Event]:
    return api.pages(f"{job_path(job)}/events", after=after, raw=1 if raw else None)


def _one_document(found: Iterable[Event]) -> None:
    """Print a list item by item: one document in the end, closed also when somebody stops a live one."""
    import json

    separator = "[\n"
    try:
        for event in found:
            click.echo(f"{separator}{json.dumps(event)}", nl=False)
            separator = ",\n"
    finally:
        click.echo("[]" if separator == "[\n" else "\n]")


@click.command(cls=Verb, example="aetheris trace 0197c1a2-…")
@click.argument("job")
@click.pass_obj
def trace(session: Session, job: str) -> None:
    """Show a job as a tree of nodes and calls, and its timeline."""
    found = session.api().get(f"{job_path(job)}/trace")
    if session.json:
        document(found)
        return
    record({"Job": str(found["job"]), "Status": str(found["status"])})
    click.echo()
    for each in tree_lines(found["tree"]):
        click.echo(each)
    heading("Timeline")
    columns: Columns = {
        "Seq": lambda event: str(event["seq"]),
        "At": lambda event: str(event["at"]),
        "Type": lambda event: str(event["type"]),
        "Node": lambda event: str(event.get("node") or ""),
        "Summary": lambda event: compact(event.get("summary")),
    }
    table(found["timeline"], columns, empty="Nothing has happened yet.")


@click.command(cls=Verb, example="aetheris node 0197c1a2-… pay")
@click.argument("job")
@click.argument("node")
@click.pass_obj
def node(session: Session, job: str, node: str) -> None:
    """Show one node of a job: attempts, input, output, calls."""
    found = session.api().get(node_path(job, node))
    if session.json:
        document(found)
        return
    record(
        {
            "Node": str(found["node"]),
            "Kind": str(found.get("kind") or ""),
            "Status": str(found.get("status") or ""),
            "Input": pretty(found["input"]) if found.get("input") is not None else "",
            "Output": pretty(found["output"]) if found.get("output") is not None else "",
            "Error": error_text(found.get("error")),
        }
    )
    if found.get("attempts"):
        heading("Attempts")
        table(found["attempts"], _ATTEMPTS, empty="")
    if found.get("calls"):
        heading("Calls")
        for each in tree_lines(
            [{"node": found["node"], "status": found.get("status"), "calls": found["calls"]}]
        ):
            click.echo(each)


_ATTEMPTS: Columns = {
    "Fence": lambda attempt: str(attempt.get("fence", "")),
    "Worker": lambda attempt: compact(attempt.get("worker")),
    "Started": lambda attempt: moment(attempt.get("started_at")),
    "Ended": lambda attempt: moment(attempt.get("ended_at")),
    "End": lambda attempt: compact(attempt.get("end")),
    "Error": lambda attempt: error_text(attempt.get("error")),
}
