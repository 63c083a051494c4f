"""Pruning of one job that a person asks for: looked at first, archived first, and done once however often it is sent."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from ledger.models import Invocation

from ..actors import require, visible
from ..conf import conf
from ..core.commands import Actor
from ..core.errors import Gone, Invalid, Refused, Stale
from ..models import Approval, Job, Tombstone
from ..queries import copies
from ..tombstones import tombstone_json, tombstone_of
from .erasing import allowed, words
from .pruning import taken_away


def look(job: str | UUID, *, actor: Actor) -> dict[str, Any]:
    """What a pruning would take, and what stands against it; nothing is changed.

    Args:
        job: its id.
        actor: who asks; needs the permission to prune.

    Returns:
        `{job, head: {seq, hash}, events, calls, approvals, keys, archive, copies, refused, tombstone, already}`: `keys` are
        the business keys that stay spent, `archive` the folder for its package, `refused` `{code, message}` or None. Of a
        job that was pruned before, its tombstone.

    Raises:
        NotFound, NotAllowed.
    """
    require(actor, "prune")
    try:
        row = Job.objects.get(id=visible(job, actor))
    except (Gone, Job.DoesNotExist):
        return _gone(job, actor)
    lines = Invocation.objects.filter(job_id=row.id)
    refused = None
    try:
        allowed(row)
    except Refused as against:
        refused = {"code": against.code, "message": against.message}
    return {
        "job": str(row.id), "head": {"seq": row.head_seq, "hash": row.head_hash}, "events": row.head_seq,
        "calls": lines.count(), "approvals": Approval.objects.filter(job_id=row.id).count(),
        "keys": lines.filter(business_key__isnull=False).count(), "archive": conf().ARCHIVE_FOLDER or None,
        "copies": [each.to_json() for each in copies.copies_of(row.id, actor.tenant)], "refused": refused,
        "tombstone": None, "already": False,
    }  # fmt: skip


def _gone(job: str | UUID, actor: Actor) -> dict[str, Any]:
    stone = tombstone_of(actor.tenant, job)
    if stone is None:
        visible(job, actor)  # says what there is
        raise Stale(f"job {job} changes just now; ask again")
    return {
        "job": str(stone.job_id), "head": {"seq": stone.head_seq, "hash": stone.head_hash}, "events": stone.events,
        "calls": 0, "approvals": 0, "keys": 0, "archive": stone.archive or None, "copies": [], "refused": None,
        "tombstone": tombstone_json(stone), "already": True,
    }  # fmt: skip


def prune_seen(
    job: str | UUID, *, head: str, reason: str, legal_basis: str, actor: Actor, archived: bool = True
) -> tuple[Tombstone, bool]:
    """Prune a job that somebody has looked at. Asked again, or by two at once, it is pruned once.

    Args:
        job: its id.
        head: hash of its last event, as `look` told it: what is pruned is what was looked at.
        reason: why, in words.
        legal_basis: on what ground.
        actor: who asks; needs the permission to prune.
        archived: write its evidence package to `ARCHIVE_FOLDER` first.

    Returns:
        The tombstone, and whether it was there before.

    Raises:
        NotFound, NotAllowed; Invalid: no reason, no ground, or no folder for the package; Stale: it has moved on since;
        Illegal: as `prune`.
    """
    require(actor, "prune")
    before = tombstone_of(actor.tenant, job)
    if before is not None:
        return before, True
    why = words(reason, "the reason"), words(legal_basis, "the legal basis")
    found, folder = visible(job, actor), _folder() if archived else None
    if Job.objects.filter(id=found).exclude(head_hash=head).exists():
        raise Stale(
            f"job {job}: its last event is not the one that was looked at; look again", code="head_moved"
        )
    try:
        return taken_away(found, actor, reason=why[0], basis=why[1], archive=folder), False
    except Exception:
        after = tombstone_of(actor.tenant, job)  # somebody else was faster, with the same wish
        if after is None:
            raise
        return after, True


def _folder() -> str:
    folder = conf().ARCHIVE_FOLDER
    if not folder:
        raise Invalid(
            "there is no folder for the job's package: set AETHERIS['ARCHIVE_FOLDER'], or prune without a package",
            code="no_archive_folder",
        )
    return folder
