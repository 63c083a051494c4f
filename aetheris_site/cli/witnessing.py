"""Holding what the log shows against a checkpoint that was kept: computed here, so that the server is not believed."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from .failures import Failure
from .output import note
from .paths import job_path
from .pins import own_keys

if TYPE_CHECKING:
    from forensics.notes import Checkpoint, Key

    from .client import Api

LATEST = "/api/forensics/checkpoints/latest"
ADVICE = "Keep the checkpoint and a copy of the database, and read docs/transparency-log.md."


@dataclass(frozen=True)
class Held:
    """A kept checkpoint that the log of today is consistent with."""

    kept: Checkpoint
    now: Checkpoint
    words: str


def held(api: Api, name: str, keys: Sequence[str]) -> Held:
    """Hold a kept checkpoint against the newest one that the server shows.

    Args:
        api: the server.
        name: of the file with the kept one.
        keys: public keys that may have signed; none: those of this checkout, else those that the server names.

    Raises:
        Failure: the log was rewritten (`rewritten_log`), or a signature is of none of the keys (`wrong_key`).
        click.UsageError: the file or a key cannot be read.
    """
    from forensics.notes import BadNote, Rewritten, against, read_checkpoint

    try:
        kept = read_checkpoint(Path(name).read_text("utf-8"))
    except OSError as error:
        raise click.UsageError(f"{name} cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise click.UsageError(f"{name} is no checkpoint: {error}") from error
    now = read_checkpoint(api.get(LATEST)["note"])
    path: list[bytes] = []
    if kept.size < now.size and kept.origin == now.origin:
        told = api.get("/api/forensics/consistency", **{"from": kept.size, "to": now.size})
        path = [bytes.fromhex(each) for each in told["path"]]
    try:
        return Held(kept, now, against(kept, now, path, known(api, keys)))
    except Rewritten as error:
        raise Failure(f"{name}: {error}", code="rewritten_log", advice=ADVICE) from error
    except BadNote as error:
        raise Failure(
            f"{name}: {error}", code="wrong_key", advice="Give the log's public key with --key."
        ) from error


def known(api: Api, given: Sequence[str]) -> list[Key]:
    """The keys that may have signed, and a note where nobody but the server vouches for them."""
    from forensics.notes import Key, read_key
    from forensics.standalone import given_keys

    try:
        pins = list(given_keys(list(given))) if given else own_keys(os.environ, Path.cwd())
    except (OSError, ValueError) as error:
        raise click.UsageError(f"a key cannot be used: {error}") from error
    if pins:
        return [Key("", each) for each in pins]
    note(
        "The keys are those that the server names itself; --key pins the ones that you were given by another way."
    )
    return [read_key(each["key"]) for each in api.get("/api/forensics/keys")["keys"]]


def witnessed(api: Api, job: str, found: Held) -> dict[str, str]:
    """Hold a job against the log of a kept checkpoint.

    Args:
        api: the server.
        job: its id.
        found: the kept checkpoint, and the newest one that is consistent with it.

    Returns:
        What was found, in words.

    Raises:
        Failure: the log knows the job otherwise than the server shows it (`rewritten_history`).
    """
    told, (name, seq, hash) = _proved(api, job, found.now)
    shown = _event(api, job, seq)
    if name != str(shown.get("job")) or shown.get("hash") != hash:
        raise Failure(
            f"The log knows event {seq} of job {job} with the hash {hash[:16]}…, the server shows another: the history was "
            "rewritten",
            code="rewritten_history", advice=ADVICE,
        )  # fmt: skip
    mine = told["index"] < found.kept.size
    behind = told["not_yet_witnessed"]
    return {
        "Log": found.words,
        "Leaf": f"{told['index']}, {'under' if mine else 'newer than'} your checkpoint",
        "Witnessed": f"up to event {seq}"
        + (f"; the {behind} behind it are not yet witnessed" if behind else ""),
    }


def _proved(api: Api, job: str, now: Checkpoint) -> tuple[Mapping[str, Any], tuple[str, int, str]]:
    """The inclusion proof of a job that leads to a checkpoint, and what its leaf says."""
    from forensics.merkle import included, leaf_hash
    from forensics.standalone import Broken, leaf_head

    told = api.get("/api/forensics/inclusion", job=job, size=now.size)
    path = [bytes.fromhex(each) for each in told["path"]]
    if not included(leaf_hash(told["leaf"].encode()), told["index"], now.size, path, now.root):
        raise Failure(
            f"The proof of job {job} does not lead to the checkpoint", code="wrong_proof", advice=ADVICE
        )
    try:
        return told, leaf_head(told["leaf"])
    except Broken as error:
        raise Failure(f"The proof of job {job}: {error}", code="wrong_proof", advice=ADVICE) from error


def _event(api: Api, job: str, seq: int) -> Mapping[str, Any]:
    rows = api.get(f"{job_path(job)}/events", after=seq - 1, limit=1)
    found: Sequence[Mapping[str, Any]] = rows["results"] if isinstance(rows, dict) else rows
    return found[0] if found and found[0]["seq"] == seq else {}
