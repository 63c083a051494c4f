"""`verify` and `replay`: is the history unbroken, and does the code still come to the same decisions."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from .failures import Failure, Refused
from .options import Verb
from .output import document, record
from .paths import job_path
from .session import Session
from .words import compact, pretty


@click.command(cls=Verb, example="aetheris verify 0197c1a2-…")
@click.argument("job")
@click.pass_obj
def verify(session: Session, job: str) -> None:
    """Check a job's chain of events.

    Exit 1 names the first break.
    """
    if job.lower().endswith(".zip") or Path(job).is_file():
        raise Refused(
            f"{job} is a file; evidence packages cannot be verified yet",
            code="not_supported_yet",
            advice="Verify the job by its id.",
        )
    answer = session.api().post(f"{job_path(job)}/verify")
    _show(session, answer)
    if not answer.get("ok"):
        raise Failure(f"The chain of job {job} is broken: {_problem(answer)}", code="broken_chain")


@click.command(cls=Verb, example="aetheris replay 0197c1a2-…")
@click.argument("job")
@click.pass_obj
def replay(session: Session, job: str) -> None:
    """Replay a job from its events, calling nothing.

    Exit 1 shows the first difference.
    """
    answer = session.api().post(f"{job_path(job)}/replay")
    _show(session, answer)
    if not answer.get("ok"):
        raise Failure(f"The replay of job {job} differs: {_problem(answer)}", code="diverged")


def _show(session: Session, answer: Mapping[str, Any]) -> None:
    if session.json:
        document(answer)
        return
    words = {
        name.replace("_", " ").capitalize(): _text(value)
        for name, value in answer.items()
        if name != "problem"
    }
    record(words | {"Ok": "yes" if answer.get("ok") else "no"})


def _text(value: Any) -> str:
    return pretty(value) if isinstance(value, dict | list) and value else compact(value)


def _problem(answer: Mapping[str, Any]) -> str:
    return compact(answer.get("problem")) or "the server does not say where"
