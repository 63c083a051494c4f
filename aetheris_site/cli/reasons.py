"""`timeline` and `reasoning`: a job as decisions, and one step as what it knew, asked and was answered."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click

from .options import Verb
from .output import Columns, document, heading, record, table
from .paths import job_path, node_path
from .reading import error_text
from .session import Session
from .words import clip, compact, moment

WIDTH = 70
_DECISIONS: Columns = {
    "Seq": lambda each: str(each["seq"]),
    "At": lambda each: moment(each["at"]),
    "Who": lambda each: f"{each['actor']['kind']} {each['actor']['name']}",
    "Step": lambda each: str(each["step"] or ""),
    "What": lambda each: clip(str(each["what"]), WIDTH),
    "Basis": lambda each: clip(", ".join(dict.fromkeys(one["id"] for one in each["basis"])), WIDTH),
}
_CALLS: Columns = {
    "Call": lambda each: str(each["path"]),
    "Asked": lambda each: str(each.get("tool") or each.get("name") or each.get("kind") or ""),
    "With": lambda each: clip(compact(each.get("args")), WIDTH),
    "Status": lambda each: str(each["status"]),
    "Answer": lambda each: clip(compact(each.get("error") or each.get("result")), WIDTH),
}
_CHANGES: Columns = {
    "What": lambda each: ".".join(each["path"]),
    "Change": lambda each: str(each["change"]),
    "Before": lambda each: clip(compact(each["before"]), WIDTH),
    "After": lambda each: clip(compact(each["after"]), WIDTH),
}


@click.command(cls=Verb, example="aetheris timeline 0197c1a2-…")
@click.argument("job")
@click.pass_obj
def timeline(session: Session, job: str) -> None:
    """Show what was decided in a job: by whom, when, on what basis."""
    told = session.api().get(f"{job_path(job)}/timeline")
    if session.json:
        document(told)
        return
    table(told["decisions"], _DECISIONS, empty="Nothing has been decided yet.")


@click.command(cls=Verb, example="aetheris reasoning 0197c1a2-… assessment")
@click.argument("job")
@click.argument("node")
@click.pass_obj
def reasoning(session: Session, job: str, node: str) -> None:
    """Show what a step knew, asked and was answered, attempt by attempt."""
    told = session.api().get(f"{node_path(job, node)}/reasoning")
    if session.json:
        document(told)
        return
    state = told["state"]
    record({
        "Goal": compact(told["goal"]["value"]),
        "Goal's digest": str(told["goal"]["digest"] or ""),
        "State before": str(state["before"] or ""),
        "State after": str(state["after"] or ""),
        "Change of state": compact(state["delta"] or None),
        "Outcome": str((told["outcome"] or {}).get("end") or "still open"),
    })  # fmt: skip
    for number, attempt in enumerate(told["attempts"]):
        _attempt(attempt, told["changes"][number - 1] if number else None)


def _attempt(attempt: Mapping[str, Any], change: Mapping[str, Any] | None) -> None:
    ended = f"{attempt['end']} {moment(attempt['ended_at'])}" if attempt["end"] else "under way"
    heading(f"Attempt {attempt['attempt']} ({attempt['reason']}), {moment(attempt['started_at'])}: {ended}")
    if attempt["error"]:
        click.echo(error_text(attempt["error"]))
    table(attempt["calls"], _CALLS, empty="It asked nothing.")
    if change and change["changes"]:
        heading("What differs from the attempt before")
        table(change["changes"], _CHANGES, empty="")
