"""`confirm`: are the effects of a job still there; and a person's word that one may be missing."""

from __future__ import annotations

from typing import Any

import click

from .address import APPROVER
from .failures import Failure
from .options import Verb
from .output import Columns, document, table
from .paths import job_path
from .session import Session
from .words import clip, compact


@click.command(cls=Verb, example="aetheris confirm 0197c1a2-…")
@click.argument("job")
@click.option(
    "--accept", metavar="ID", help="Ask nothing; let the job go on although this invocation is not shown."
)
@click.option("--comment", default="", help="With --accept: why; kept with the decision.")
@click.pass_obj
def confirm(session: Session, job: str, accept: str | None, comment: str) -> None:
    """Confirm a job's landed effects against the world.

    Runs what its tools declare by @tool.confirm, in the server. Nothing is executed again. A mismatch fails the job,
    parks it or is noted, as the tool says. Exit 1 names the effects that are gone.
    """
    if comment and accept is None:
        raise click.UsageError("--comment belongs to --accept.")
    path = f"{job_path(job)}/confirm"
    if accept is not None:
        answer = session.api(APPROVER).post(path, {"accept": accept, "comment": comment})
    else:
        answer = session.api().post(path, {})
    _show(session, answer)
    gone = [each["node"] for each in answer["effects"] if each["state"] == "diverged"]
    if gone:
        raise Failure(
            f"The world does not show {', '.join(gone)} of job {job}, which is {answer['status']} now",
            code="world_diverged",
        )


def _show(session: Session, answer: Any) -> None:
    if session.json:
        document(answer)
        return
    columns: Columns = {
        "Node": lambda each: each["node"],
        "Tool": lambda each: each["tool"],
        "World": lambda each: each["state"],
        "On mismatch": lambda each: compact(each["on_mismatch"]),
        "Invocation": lambda each: each["invocation"],
        "Why": lambda each: clip(_why(each["evidence"]), 60),
    }
    table(answer["effects"], columns, empty="The job has no landed effect that can be confirmed.")


def _why(evidence: Any) -> str:
    return str(evidence.get("reason") or evidence.get("comment") or "")
