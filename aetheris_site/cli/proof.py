"""`verify` and `replay`: is the history unbroken, and does the code still come to the same decisions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click

from .failures import Failure
from .options import Verb
from .output import document, record
from .packages import is_package, verify_package
from .paths import job_path
from .session import Session
from .words import compact, pretty


@click.command(cls=Verb, example="aetheris verify refund.zip --key aetheris.pub")
@click.argument("job", metavar="JOB|FILE.zip")
@click.option(
    "--key",
    "keys",
    multiple=True,
    metavar="PUB",
    help="Public key that may have signed the file; repeatable.",
)
@click.option(
    "--checkpoint",
    default="",
    metavar="FILE",
    help="A checkpoint that you have kept, held against the file's.",
)
@click.option(
    "--consistency", default="", metavar="FILE", help="A consistency proof between the two checkpoints."
)
@click.option("--head", default="", metavar="SEQ:HASH", help="The head that the file must reach.")
@click.pass_obj
def verify(
    session: Session, job: str, keys: tuple[str, ...], checkpoint: str, consistency: str, head: str
) -> None:
    """Check a job's chain of events, or an evidence package.

    A file needs no server. Exit 1 names the first break.
    """
    if is_package(job):
        verify_package(
            job, keys=keys, checkpoint=checkpoint, consistency=consistency, head=head, json=session.json
        )
        return
    if keys or checkpoint or consistency or head:
        raise click.UsageError(
            "--key, --checkpoint, --consistency and --head are for a file; a job is verified by the server."
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
