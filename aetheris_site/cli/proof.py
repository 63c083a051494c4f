"""`verify` and `replay`: is the history unbroken, and does the code still come to the same decisions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click

from .failures import Failure
from .options import Verb
from .output import document, record
from .packages import Wish, is_package, verify_package
from .paths import job_path
from .session import Session
from .verifying import verify_many
from .witnessing import held, witnessed
from .words import compact, pretty


@click.command(cls=Verb, example="aetheris verify refund.zip --key aetheris.pub")
@click.argument("job", metavar="[JOB|FILE.zip]", required=False)
@click.option(
    "--key",
    "keys",
    multiple=True,
    metavar="PUB",
    help="Public key that may have signed; repeatable.",
)
@click.option(
    "--checkpoint",
    default="",
    metavar="FILE",
    help="A checkpoint that you have kept, held against the file's, or for a job against the log.",
)
@click.option(
    "--consistency", default="", metavar="FILE", help="A consistency proof between the two checkpoints."
)
@click.option("--head", default="", metavar="SEQ:HASH", help="The head that the file must reach.")
@click.option(
    "--open",
    "opener",
    default="",
    metavar="KEYFILE",
    help="Print the file's encrypted fields, opened with this key.",
)
@click.option("--all", "everything", is_flag=True, help="Every job, and rows that belong to none.")
@click.option(
    "--since", default="", metavar="TIME", help="Jobs created since: RFC 3339, or so long ago (24h)."
)
@click.option(
    "--until",
    default="",
    metavar="TIME|SEQ",
    help="Jobs created before; of one job, the last event to look at.",
)
@click.option("--agent", default="", help="Jobs of this agent.")
@click.option("--status", default="", help="Jobs of this status.")
@click.option(
    "--after", type=click.IntRange(min=1), metavar="SEQ", help="Of one job: begin behind this event."
)
@click.pass_obj
def verify(session: Session, /, job: str | None, **told: Any) -> None:
    """Check a job's chain of events, an evidence package, or many jobs.

    A file needs no server. Many jobs are looked at by a worker, and waited for. Exit 1 names the first break.
    """
    of_file = {name: told[name] for name in ("keys", "checkpoint", "consistency", "head", "opener")}
    scope = {name: told[name] for name in ("since", "until", "agent", "status") if told[name]}
    if job is not None and is_package(job):
        _no_more(scope or told["everything"] or told["after"], "a file takes none of the options for jobs.")
        verify_package(Wish(job, **of_file), json=session.json)
        return
    _no_more(
        any(of_file[name] for name in ("consistency", "head", "opener")),
        "--consistency, --head and --open are for a file; a job is verified by the server.",
    )
    if job is None:
        _no_more(told["keys"] or told["checkpoint"], "--key and --checkpoint are for a file, or for one job.")
        _no_more(
            not (scope or told["everything"]),
            "name a job or a file, or say --all, --since, --agent or --status.",
        )
        _no_more(told["after"], "--after is for one job.")
        _no_more(told["everything"] and scope, "--all is every job; leave it out, or the other options.")
        verify_many(session, scope)
        return
    _no_more(
        told["everything"] or set(scope) - {"until"},
        "--all, --since, --agent and --status are for many jobs.",
    )
    _no_more(told["keys"] and not told["checkpoint"], "of a job --key goes with --checkpoint.")
    _one(session, job, told["after"], told["until"])
    if told["checkpoint"]:
        _held_against(session, job, told["checkpoint"], told["keys"])


def _no_more(given: object, message: str) -> None:
    if given:
        raise click.UsageError(message[0].upper() + message[1:])


def _one(session: Session, job: str, after: int | None, until: str) -> None:
    _no_more(until and not until.isdecimal(), "of one job --until is the number of an event.")
    body = {"after": after} if after else {}
    body |= {"until": int(until)} if until else {}
    answer = session.api().post(f"{job_path(job)}/verify", body)
    _show(session, answer)
    if not answer.get("ok"):
        raise Failure(f"The chain of job {job} is broken: {_problem(answer)}", code="broken_chain")


def _held_against(session: Session, job: str, name: str, keys: tuple[str, ...]) -> None:
    """Hold a job against a checkpoint that was kept; computed here."""
    api = session.api()
    found = witnessed(api, job, held(api, name, keys))
    if not session.json:
        record(found)


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
