"""Pruning: a job that has ended goes, its package may stay, and its signed tombstone always does."""

from __future__ import annotations

from datetime import datetime
from functools import partial
from pathlib import Path
from uuid import UUID

from django.db import connection

from ledger.crashpoints import crashpoint

from .. import clock, keys, store
from ..actors import require, visible
from ..archiving import Archived, archiver
from ..core.chain import canonical
from ..core.commands import Actor
from ..core.errors import Illegal
from ..models import Job, Tombstone
from ..tombstones import request_key, statement
from .erasing import allowed, words

FOLDER_MODE = 0o700


def prune(
    job: str | UUID, *, reason: str, actor: Actor, legal_basis: str = "", archive: str | None = None
) -> Tombstone:
    """Take a job that has ended out of the database.

    Its business keys, idempotency key and message id stay held for ever: nothing is paid twice because it was pruned.

    Args:
        job: its id.
        reason: why, in words.
        actor: who asks; needs the permission to prune.
        legal_basis: on what ground.
        archive: a folder of the server's, to which its evidence package is written first; None: none is.

    Returns:
        The tombstone.

    Raises:
        NotFound, NotAllowed, Invalid; Gone: it was pruned before; Illegal: the job or one that comes from it runs or
            owes an outcome, a legal hold stands, its record is broken, nothing can be signed, or this is inside a
            transaction.
    """
    require(actor, "prune")
    found = visible(job, actor)
    why = words(reason, "the reason"), words(legal_basis, "the legal basis") if legal_basis else ""
    return taken_away(found, actor, reason=why[0], basis=why[1], archive=archive)


def taken_away(
    job: UUID, actor: Actor, *, reason: str, basis: str, archive: str | None, policy: str = ""
) -> Tombstone:
    """Archive, sign and prune; for whoever has the right to ask. Doing it again after a crash leads to the same end."""
    if connection.in_atomic_block:
        raise Illegal(f"job {job}: nothing is pruned inside a transaction; ask after it has ended",
                      code="inside_transaction")  # fmt: skip
    row = Job.objects.get(id=job)
    allowed(row)
    keys.signer()  # before a package is written in vain
    package = _archived(row, archive) if archive else None
    crashpoint("after_archive")
    try:
        row.refresh_from_db()
        tombstone = _signed(_tombstone(row, actor, reason, basis, policy, package, clock.now()))
        store.pruning.prune(job, tombstone, actor, partial(_still_allowed, package=package))
    except Exception:
        if package is not None:  # a copy of a job that is kept would outlive an erasing
            store.pruning.unless_pruned(job, lambda: package.path.unlink(missing_ok=True))
        raise
    crashpoint("after_prune")
    if package is not None:
        _swept(job, package.path)
    return tombstone


def _still_allowed(row: Job, *, package: Archived | None) -> None:
    allowed(row)
    if package is not None and not package.path.is_file():
        raise Illegal(f"job {row.id}: its package {package.path} has vanished; the job is kept, ask again",
                      code="archive_failed")  # fmt: skip


def _swept(job: UUID, kept: Path) -> None:
    """Remove what attempts that broke off have left beside the package of a job."""
    for other in (*kept.parent.glob(f"{job}.*.zip"), *kept.parent.glob(f".{job}.*")):
        if other != kept:
            other.unlink(missing_ok=True)


def _archived(row: Job, folder: str) -> Archived:
    """The package of a job, written, read back and verified.

    Raises:
        Illegal: it does not verify, or is not of this head.
    """
    place = Path(folder) / row.tenant
    try:
        place.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
        made = archiver()(row.id, place)
    except OSError as error:
        raise Illegal(
            f"job {row.id}: its package cannot be written to {place}: {error}; the job is kept",
            code="archive_failed",
        ) from error
    if (made.head_seq, made.head_hash) != (row.head_seq, row.head_hash):
        raise Illegal(f"job {row.id}: it moved on while it was being archived; ask again", code="head_moved")
    return made


def _tombstone(
    row: Job, actor: Actor, reason: str, basis: str, policy: str, package: Archived | None, at: datetime
) -> Tombstone:
    assert row.finished_at is not None
    return Tombstone(
        job_id=row.id, tenant=row.tenant, agent=row.agent, version=row.version, status=row.status, origin=row.origin,
        generation=row.generation, instance=row.instance, turn=row.turn, created_at=row.created_at,
        finished_at=row.finished_at, events=row.head_seq, head_seq=row.head_seq, head_hash=row.head_hash,
        request_key=request_key(row.idempotency_key), request_digest=row.request_digest, pruned_at=at,
        pruned_by=actor.id[:150], pruned_by_name=(actor.name or actor.id)[:150], policy=policy, reason=reason,
        basis=basis, archive=str(package.path) if package else "", archive_sha256=package.sha256 if package else "",
    )  # fmt: skip


def _signed(row: Tombstone) -> Tombstone:
    signer = keys.signer()
    row.signed = canonical(statement(row))
    row.key, row.signature = signer.public.hex(), signer.sign(row.signed.encode()).hex()
    return row
