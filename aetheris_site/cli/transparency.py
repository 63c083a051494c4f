"""`log …`: the transparency log's checkpoints, proofs, keys and anchors; and `keygen`."""

from __future__ import annotations

import os
from itertools import islice
from pathlib import Path
from typing import Any

import click

from .failures import Failure, Refused
from .options import Verb
from .output import Columns, document, note, record, table
from .session import Session
from .witnessing import LATEST, held
from .words import clip, moment

HERE = "/api/forensics"
KEYS = "Public key of the log: one line, PEM, or a file; repeatable."
_CHECKPOINTS: Columns = {
    "Size": lambda each: str(each["size"]),
    "At": lambda each: moment(each["at"]),
    "Key": lambda each: str(each["key"]),
    "Root": lambda each: str(each["root_hash"]),
}
_KEYS: Columns = {
    "Key": lambda each: str(each["key"]),
    "First signed": lambda each: moment(each["first_at"]),
    "Retired": lambda each: moment(each["retired_at"]),
    "Pinned": lambda each: "yes" if each["pinned"] else "",
}
_ANCHORS: Columns = {
    "Size": lambda each: str(each["size"]),
    "Target": lambda each: str(each["target"]),
    "State": lambda each: str(each["state"]),
    "At": lambda each: moment(each["at"]),
    "Tries": lambda each: str(each["attempts"]),
    "Told": lambda each: clip(str(each["error"] or each["receipt"]), 60),
}


@click.group()
def log() -> None:
    """Fetch, check and verify the transparency log."""


@log.command(cls=Verb, example="aetheris log latest > kept.txt")
@click.option("--size", type=click.IntRange(min=1), help="The checkpoint of this size instead.")
@click.pass_obj
def latest(session: Session, size: int | None) -> None:
    """Print the newest checkpoint, to be kept."""
    told = session.api().get(f"{HERE}/checkpoints/{size}" if size else LATEST)
    if session.json:
        document(told)
    else:
        click.echo(told["note"], nl=False)


@log.command(cls=Verb, example="aetheris log checkpoints --limit 10")
@click.option("--limit", type=click.IntRange(min=1), default=50, show_default=True, help="How many.")
@click.pass_obj
def checkpoints(session: Session, limit: int) -> None:
    """List checkpoints, the newest first."""
    _list(session, f"{HERE}/checkpoints", _CHECKPOINTS, limit, "Nothing was logged yet.")


@log.command(cls=Verb, example="aetheris log inclusion 0197c1a2-…")
@click.argument("job")
@click.option("--size", type=click.IntRange(min=1), help="Under the checkpoint of this size.")
@click.pass_obj
def inclusion(session: Session, job: str, size: int | None) -> None:
    """Print the proof that a job's head is in the log."""
    document(session.api().get(f"{HERE}/inclusion", job=job, size=size))


@log.command(cls=Verb, example="aetheris log consistency 120 > proof.json")
@click.argument("first", metavar="FROM", type=click.IntRange(min=1))
@click.argument("second", metavar="[TO]", type=click.IntRange(min=1), required=False)
@click.pass_obj
def consistency(session: Session, first: int, second: int | None) -> None:
    """Print the proof that the log of TO leaves is that of FROM, grown."""
    document(session.api().get(f"{HERE}/consistency", **{"from": first, "to": second}))


@log.command(cls=Verb, example="aetheris log check kept.txt --key log.pub")
@click.argument("file", metavar="FILE")
@click.option("--key", "keys", multiple=True, metavar="PUB", help=KEYS)
@click.pass_obj
def check(session: Session, file: str, keys: tuple[str, ...]) -> None:
    """Hold a checkpoint that you kept against the log.

    Exit 1: the log was rewritten since.
    """
    found = held(session.api(), file, keys)
    if session.json:
        document({"ok": True, "kept": found.kept.size, "size": found.now.size, "detail": found.words})
    else:
        record({"Log": found.now.origin, "Kept": f"{found.kept.size} leaves", "Consistent": found.words})


@log.command(cls=Verb, example="aetheris log keys")
@click.pass_obj
def keys(session: Session) -> None:
    """List the public keys that have signed."""
    told = session.api().get(f"{HERE}/keys")
    if session.json:
        document(told)
    else:
        table(told["keys"], _KEYS, "Nothing was signed yet, and nothing can be.")


@log.command(cls=Verb, example="aetheris log anchors --state failed")
@click.option("--size", type=click.IntRange(min=1), help="Of this checkpoint.")
@click.option("--state", type=click.Choice(["done", "failed", "superseded"]), help="Only these.")
@click.option("--limit", type=click.IntRange(min=1), default=50, show_default=True, help="How many.")
@click.pass_obj
def anchors(session: Session, size: int | None, state: str | None, limit: int) -> None:
    """List where checkpoints were handed to outside."""
    _list(session, f"{HERE}/anchors", _ANCHORS, limit, "No checkpoint was anchored.", size=size, state=state)


@log.command("verify", cls=Verb, example="aetheris log verify")
@click.pass_obj
def verify_log(session: Session) -> None:
    """Have every leaf, root and signature computed anew.

    Exit 1 names the first break.
    """
    told = session.api().post(f"{HERE}/log/verify")
    if session.json:
        document(told)
    else:
        shown = {
            name.replace("_", " ").capitalize(): str(told[name])
            for name in ("leaves", "checkpoints", "unsigned", "root_hash")
        }
        record({"Ok": "yes" if told["ok"] else "no", **shown})
    if not told["ok"]:
        problem = told["problem"]
        message = f"The log is broken at {problem['place']} ({problem['kind']}): {problem['message']}"
        raise Failure(message, code="broken_log", advice="Keep a copy of the database; nothing was repaired.")


def _list(session: Session, path: str, columns: Columns, limit: int, empty: str, **asked: Any) -> None:
    rows = list(islice(session.api().pages(path, limit=min(limit, 200), **asked), limit))
    if session.json:
        document(rows)
    else:
        table(rows, columns, empty)


@click.command(cls=Verb, example="aetheris keygen -o log.pem --name example.com/log")
@click.option(
    "-o",
    "--output",
    "target",
    required=True,
    type=click.Path(dir_okay=False, path_type=Path),
    help="The file to write.",
)
@click.option(
    "--name", default="", help="Name of the log that it signs: a URL without its scheme; keep it for ever."
)
@click.pass_obj
def keygen(session: Session, target: Path, name: str) -> None:
    """Make a signing key, and print its public half.

    The private key goes to the file, for its owner alone (0600); the public one is what others pin.
    """
    from forensics.notes import BadNote, named
    from forensics.standalone import vkey_of

    from ..profile import new_signing_key

    try:
        origin = named(name or os.environ.get("AETHERIS_LOG_ORIGIN", "").strip() or "aetheris.local/log")
    except BadNote as error:
        raise click.UsageError(f"--name: {error}") from error
    private, public = new_signing_key()
    try:
        descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError as error:
        raise Refused(
            f"{target} is there already",
            code="file_exists",
            advice="A key is never replaced: name another file.",
        ) from error
    except OSError as error:
        raise click.UsageError(f"{target} cannot be written: {error.strerror}") from error
    with os.fdopen(descriptor, "wb") as file:
        file.write(private)
    vkey = vkey_of(origin, public)
    if session.json:
        document({"file": str(target), "name": origin, "key": vkey})
        return
    click.echo(vkey)
    note(
        f"Sign with it: AETHERIS_SIGNING_KEY=file:{target.resolve()} AETHERIS_LOG_ORIGIN={origin}. Give the line above to whoever is to check."
    )
