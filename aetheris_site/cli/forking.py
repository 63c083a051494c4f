"""`retry` and `fork`: a new job from the record of another one."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click

from .failures import Failure, Refused
from .options import JSON, Verb, value_of
from .output import document, note
from .paths import job_path
from .session import Session
from .words import line

if TYPE_CHECKING:
    from .client import Api

_KEY = click.option(
    "--idempotency-key", metavar="KEY", help="The same key and request give the same new job, however often sent."
)  # fmt: skip
LANDED = "landed_after_cut"


@click.command(cls=Verb, example="aetheris retry 0197c1a2-…")
@click.argument("job")
@_KEY
@click.pass_obj
def retry(session: Session, job: str, idempotency_key: str | None) -> None:
    """Try a failed or cancelled job again, as a new job.

    It has the same idempotency keys and begins with everything that had settled: no landed call is made again. Prints
    the id of the new job.
    """
    _told(session, _send(session.api(), f"{job_path(job)}/retry", {}, idempotency_key or str(uuid.uuid4())))


@click.command(cls=Verb, example="aetheris fork 0197c1a2-… --at 17")
@click.argument("job")
@click.option(
    "--at", type=click.IntRange(min=1), required=True, metavar="SEQ", help="The last event that it takes over."
)  # fmt: skip
@click.option("--goal", type=JSON, help="Another goal: JSON, @FILE, or - for standard input.")
@click.option(
    "--confirm", "confirmed", multiple=True, metavar="ID",
    help="An invocation that landed later and may happen once more; give each that is listed.",
)  # fmt: skip
@_KEY
@click.pass_obj
def fork(
    session: Session, job: str, at: int, goal: Any, confirmed: tuple[str, ...], idempotency_key: str | None
) -> None:
    """Start a new job from one event of another, under keys of its own.

    What landed after that event may happen once more: it is listed, and you are asked. Prints the id of the new job.
    """
    api, path, key = session.api(), f"{job_path(job)}/fork", idempotency_key or str(uuid.uuid4())
    body: dict[str, Any] = {"at": at, "confirm": list(confirmed)}
    body |= {"goal": value_of(goal)} if goal is not None else {}
    try:
        answer = _send(api, path, body, key)
    except Refused as refused:
        calls = _calls(refused)
        if refused.code != LANDED or not calls:
            raise
        _ask(session, refused, calls)
        answer = _send(api, path, body | {"confirm": [call["invocation"] for call in calls]}, key)
    _told(session, answer)


def _calls(refused: Refused) -> list[Mapping[str, Any]]:
    listed = refused.details.get("calls")
    return [each for each in listed if isinstance(each, Mapping)] if isinstance(listed, list) else []


def _ask(session: Session, refused: Refused, calls: Sequence[Mapping[str, Any]]) -> None:
    """Show what may happen once more, and go on only if somebody says yes."""
    for call in calls:
        note(
            line(
                f"{call['invocation']}  {call['tool']} at {call['node']} ({call['state']}, key {call['key']})"
            )
        )
    if not session.has_person:
        words = " ".join(f"--confirm {line(str(call['invocation']))}" for call in calls)
        refused.advice = f"If each of them may happen once more: {words}"
        raise refused
    if not click.confirm("Each of these may happen once more. Fork?", err=True):
        raise Failure("Nothing was forked", code="not_confirmed")


def _send(api: Api, path: str, body: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    """Ask under a key, so that whoever got no answer can safely ask again."""
    try:
        answer: Mapping[str, Any] = api.post(path, body, **{"Idempotency-Key": key})
    except Failure as failure:
        if failure.code == "no_answer":
            failure.advice = (
                f"Repeat the command with --idempotency-key {key}: one job comes of it, never two."
            )
        raise
    return answer


def _told(session: Session, job: Mapping[str, Any]) -> None:
    if session.json:
        document(job)
        return
    click.echo(job["id"])
    if session.on_terminal:
        note(f"{job['agent']}@{job['version']} is {job['status']}. Next: aetheris trace {job['id']}")
