"""`export`: the evidence package of a job, written aside and put in its place in one go."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import click

from .failures import Failure, Refused
from .options import Verb
from .output import document, note, record
from .paths import job_path
from .session import Session

if TYPE_CHECKING:
    import httpx

_SLOW = 600.0  # seconds until the first byte: the server writes and verifies the whole package first


@click.command(cls=Verb, example="aetheris export 0197c1a2-… -o refund.zip --profile default")
@click.argument("job")
@click.option(
    "-o",
    "--output",
    "target",
    required=True,
    type=click.Path(dir_okay=False, path_type=Path),
    help="The file to write.",
)
@click.option("--profile", help="Redaction profile: what is withheld, and how.")
@click.option("--force", is_flag=True, help="Replace the file if it is there.")
@click.pass_obj
def export(session: Session, job: str, target: Path, profile: str | None, force: bool) -> None:
    """Write the evidence package of a job.

    The file proves what the job did to somebody who trusts nobody: `aetheris verify FILE` needs no server.
    """
    if target.exists() and not force:
        raise Refused(
            f"{target} is there already", code="file_exists", advice="Name another file, or say --force."
        )
    draft = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        with _answer(session, job, profile) as answer, _private(draft) as file:
            digest, size = _received(answer, file, live=sys.stderr.isatty() and not session.json)
            head = answer.headers.get("X-Aetheris-Head", "")
        told = {
            "file": str(target),
            "job": job,
            "head": head,
            "size": size,
            "sha256": digest,
            "profile": profile or "none",
        }
        if answer.headers.get("X-Aetheris-SHA256", digest) != digest:
            raise Failure("The package did not come whole", code="cut_off", advice="Try again.")
        draft.replace(target)
    finally:
        draft.unlink(missing_ok=True)
    if session.json:
        document(told)
        return
    record({name.capitalize() if name != "sha256" else "SHA-256": str(value) for name, value in told.items()})
    note(f"Verify it anywhere: aetheris verify {target}")


@contextmanager
def _answer(session: Session, job: str, profile: str | None) -> Iterator[httpx.Response]:
    import httpx

    from .client import broken, refuse

    api = session.api()
    params = {"profile": profile} if profile else {}
    try:
        with api.http.stream(
            "GET", f"{job_path(job)}/export", params=params, timeout=httpx.Timeout(_SLOW, connect=5.0)
        ) as answer:
            if not answer.is_success:
                answer.read()
            refuse(answer)
            yield answer
    except httpx.HTTPError as error:
        raise broken(api.address, error, changes=False) from error


def _received(answer: httpx.Response, file: BinaryIO, *, live: bool) -> tuple[str, int]:
    """Write what comes. Returns its digest and its size."""
    digest, size, of = sha256(), 0, int(answer.headers.get("Content-Length") or 0)
    for piece in answer.iter_bytes():
        file.write(piece)
        digest.update(piece)
        size += len(piece)
        if live:
            click.echo(f"\r{size:,} of {of:,} bytes", nl=False, err=True)
    if live:
        click.echo("", err=True)
    return digest.hexdigest(), size


def _private(path: Path) -> BinaryIO:
    try:
        return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb")
    except OSError as error:
        raise Failure(f"{path.parent} cannot be written: {error.strerror}", code="cannot_write") from error
