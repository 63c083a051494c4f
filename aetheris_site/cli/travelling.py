"""`state`: what a job was at any of its events, and what changed between two of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click

from .options import Verb
from .output import Columns, document, heading, record, table
from .paths import job_path
from .session import Session
from .words import clip, compact, moment, parked

WIDTH = 60
_SEQ = click.IntRange(min=1)


@click.command(cls=Verb, example="aetheris state 0197c1a2-… --at 17")
@click.argument("job")
@click.option("--at", type=_SEQ, metavar="SEQ", help="The last event that counts; all unless told.")
@click.option("--from", "since", type=_SEQ, metavar="SEQ", help="Show what changed since this event.")
@click.pass_obj
def state(session: Session, job: str, at: int | None, since: int | None) -> None:
    """Show what a job was at one of its events.

    The events are folded again, nothing is run. The digest is of everything on record up to that event.
    """
    answer = session.api().get(f"{job_path(job)}/state", **{"at": at, "from": since})
    if session.json:
        document(answer)
    elif since is None:
        _show(answer)
    else:
        _show_changes(answer)


def _show(told: Mapping[str, Any]) -> None:
    erased = ", ".join(str(seq) for seq in told["erased"])
    record({
        "Event": f"{told['seq']} of {told['head']}, {moment(told['at'])}",
        "Job": f"{told['agent']}@{told['version']} is {told['status']}",
        "Waits for": "\n".join(parked(wait) for wait in told["parked_on"]),
        "Goal": compact(told["goal"]),
        "State": compact(told["state"] or None),
        "Output": compact(told["output"]),
        "Failure": compact(told["failure"]),
        "Erased": f"the bodies of events {erased}: what they told is missing here" if erased else "",
        "Digest": told["digest"],
    })  # fmt: skip
    heading("Steps")
    columns: Columns = {
        "Node": lambda each: each["node"],
        "Kind": lambda each: each["kind"],
        "Status": lambda each: each["status"],
        "Attempt": lambda each: str(each["attempt"] or ""),
        "Result": lambda each: clip(compact(each["error"] or each["result"]), WIDTH),
    }
    rows = [{"node": name, **node} for name, node in told["nodes"].items()]
    table(rows, columns, empty="There is no step yet.")


def _show_changes(told: Mapping[str, Any]) -> None:
    columns: Columns = {
        "What": lambda each: ".".join(each["path"]),
        "Change": lambda each: each["change"],
        "Before": lambda each: clip(compact(each["before"]), WIDTH),
        "After": lambda each: clip(compact(each["after"]), WIDTH),
    }
    words = f"event {told['from']['seq']} and event {told['seq']}"
    table(told["changes"], columns, empty=f"Nothing changed between {words}.")
    if told["more"]:
        click.echo(
            f"{told['more']} more changes are not shown; ask for events that lie closer together.", err=True
        )
