"""`signal`, `message`, `pause`, `resume`, `cancel`: a word from outside to a job."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click

from .options import JSON, Verb, value_of
from .output import document
from .paths import job_path
from .session import Session

_ID = click.option("--id", "word_id", metavar="UUID", help="The same id again is the same word, taken once.")
_PAYLOAD = click.option(
    "--payload", type=JSON, help="What to hand over: JSON, @FILE, or - for standard input."
)


@click.command(cls=Verb, example="aetheris signal 0197c1a2-… paid --payload '{\"cents\": 4200}'")
@click.argument("job")
@click.argument("name")
@_PAYLOAD
@_ID
@click.pass_obj
def signal(session: Session, job: str, name: str, payload: Any, word_id: str | None) -> None:
    """Send a signal that a job waits for, or will wait for."""
    answer = _word(session, job, "signals", {"name": name, "payload": value_of(payload)}, word_id)
    _told(session, answer, f"Job {job} has the signal {name}.")


@click.command(cls=Verb, example="aetheris message 0197c1a2-… inbox --payload '\"hello\"'")
@click.argument("job")
@click.argument("channel")
@_PAYLOAD
@_ID
@click.pass_obj
def message(session: Session, job: str, channel: str, payload: Any, word_id: str | None) -> None:
    """Put a message into a channel of a job."""
    answer = _word(session, job, "messages", {"channel": channel, "payload": value_of(payload)}, word_id)
    _told(session, answer, f"Job {job} has the message in {channel}.")


@click.command(cls=Verb, example="aetheris pause 0197c1a2-… --reason 'the bank is closed'")
@click.argument("job")
@click.option("--reason", default="", help="Why; kept in the job's history.")
@click.pass_obj
def pause(session: Session, job: str, reason: str) -> None:
    """Let a job start nothing new until it is resumed."""
    _told(session, _control(session, job, "pause", reason), f"Job {job} is pausing: what runs may finish.")


@click.command(cls=Verb, example="aetheris resume 0197c1a2-…")
@click.argument("job")
@click.option("--reason", default="", help="Why; kept in the job's history.")
@click.pass_obj
def resume(session: Session, job: str, reason: str) -> None:
    """Let a paused job go on."""
    _told(session, _control(session, job, "resume", reason), f"Job {job} goes on.")


@click.command(cls=Verb, example="aetheris cancel 0197c1a2-… --reason 'ordered twice'")
@click.argument("job")
@click.option("--reason", default="", help="Why; kept in the job's history.")
@click.option(
    "--compensate/--no-compensate",
    default=None,
    help="Undo what has landed, or not; else as the job was submitted.",
)
@click.pass_obj
def cancel(session: Session, job: str, reason: str, compensate: bool | None) -> None:
    """End a job; calls on their way are settled first, then what has landed is undone if that is asked for."""
    more = {} if compensate is None else {"compensate": compensate}
    _told(session, _control(session, job, "cancel", reason, **more), f"Job {job} is being cancelled.")


def _word(session: Session, job: str, box: str, body: Mapping[str, Any], word_id: str | None) -> Any:
    whole = {**body, "id": word_id} if word_id else body
    return session.api().post(f"{job_path(job)}/{box}", whole)


def _control(session: Session, job: str, verb: str, reason: str, **more: Any) -> Any:
    return session.api().post(f"{job_path(job)}/{verb}", {"reason": reason, **more} if reason else more)


def _told(session: Session, answer: Any, sentence: str) -> None:
    if session.json:
        document(answer)
    else:
        click.echo(sentence)
