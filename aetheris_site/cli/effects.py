"""`unresolved` and `resolve`: calls of which nobody knows whether they happened, and a person's word on them."""

from __future__ import annotations

from typing import Any

import click

from .address import APPROVER
from .options import JSON, Verb, value_of
from .output import Columns, document, table
from .paths import part
from .reading import unresolved_line
from .session import Session
from .words import clip, compact, moment


@click.command(cls=Verb, example="aetheris unresolved")
@click.pass_obj
def unresolved(session: Session) -> None:
    """List calls whose outcome is unknown; their jobs wait for it."""
    found = list(session.api().pages("/api/unresolved"))
    if session.json:
        document(found)
        return
    columns: Columns = {
        "Invocation": lambda each: each["id"],
        "Job": lambda each: each["job"],
        "Node": lambda each: each["node"],
        "Call": lambda each: clip(unresolved_line(each), 60),
        "Business key": lambda each: compact(each.get("business_key")),
        "Promised": lambda each: moment(each.get("promised_at")),
        "Why": lambda each: compact(each.get("reason")),
    }
    table(found, columns, empty="Every call's outcome is known.")


@click.command(cls=Verb, example='aetheris resolve 0197c1a2-… landed --result \'{"refund": "R-7"}\'')
@click.argument("invocation")
@click.argument("verdict", type=click.Choice(["landed", "absent", "fail"]))
@click.option("--result", type=JSON, help="With landed: what the call gave. JSON, @FILE, or -.")
@click.option("--comment", default="", help="How you know; kept with the verdict.")
@click.pass_obj
def resolve(session: Session, invocation: str, verdict: str, result: Any, comment: str) -> None:
    """Say what became of a call.

    landed: it happened, this is its result. absent: it did not happen and may be made. fail: let the node fail;
    whether it happened stays unknown.
    """
    if result is not None and verdict != "landed":
        raise click.UsageError(f"--result belongs to landed: a call that is {verdict} has none.")
    body: dict[str, Any] = {"verdict": verdict, "comment": comment}
    if result is not None:
        body["result"] = value_of(result)
    answer = session.api(APPROVER).post(f"/api/unresolved/{part(invocation)}/resolve", body)
    if session.json:
        document(answer)
    else:
        click.echo(f"Invocation {invocation} is resolved: {verdict}.")
