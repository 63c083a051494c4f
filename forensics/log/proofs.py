"""Proofs from the log: that a head is in it, that it only grew, and whether a single leaf is what was signed."""

from __future__ import annotations

from typing import Any

from jobs.core.errors import Illegal, Invalid, NotFound
from jobs.models import Job

from ..merkle import Missing, included, leaf_hash
from ..models import Checkpoint, LogLeaf
from ..notes import BadNote, read_checkpoint
from . import keyring
from .reading import first_with, latest, tree
from .writing import reached


def checkpoint_of(size: int) -> Checkpoint:
    """The checkpoint of a size.

    Raises:
        NotFound: none was signed at that size.
    """
    found = Checkpoint.objects.filter(size=size).first()
    if found is None:
        raise NotFound(f"no checkpoint of {size} leaves was signed; GET checkpoints lists those that were")
    return found


def newest() -> Checkpoint:
    """The newest checkpoint.

    Raises:
        NotFound: nothing has been logged yet.
    """
    found = latest()
    if found is None:
        raise NotFound("the log has no checkpoint yet; beat's entry `aetheris: log` makes one every minute")
    return found


def inclusion(job: Job, size: int | None = None) -> dict[str, Any]:
    """The proof that a job's newest witnessed head is in the log (RFC 9162, 2.1.3.1).

    Args:
        job: the job.
        size: of the checkpoint under which it is proved; None for the newest.

    Raises:
        NotFound: none of its heads is under that checkpoint, or there is no such checkpoint.
        Illegal: the log itself is broken.
    """
    head = newest() if size is None else checkpoint_of(size)
    leaf = LogLeaf.objects.filter(job_id=job.id, index__lt=head.size).order_by("-seq").first()
    if leaf is None:
        raise NotFound(f"no head of job {job.id} is under the checkpoint of {head.size} leaves yet; the log is appended to every "
                       "minute", code="not_yet_witnessed")  # fmt: skip
    return {
        "job": str(job.id), "seq": leaf.seq, "leaf": leaf.text, "index": leaf.index, "size": head.size,
        "path": _hex(lambda: tree().inclusion(leaf.index, head.size)), "checkpoint": head.text,
        "head": {"seq": job.head_seq, "hash": job.head_hash}, "not_yet_witnessed": max(0, job.head_seq - leaf.seq),
    }  # fmt: skip


def consistency(first: int, second: int | None = None) -> dict[str, Any]:
    """The proof that the log of `second` leaves is that of `first`, grown (RFC 9162, 2.1.4.1).

    Args:
        first: the smaller size, 1 or more.
        second: the larger one; None for that of the newest checkpoint.

    Raises:
        NotFound: nothing has been signed yet.
        Invalid: the sizes are not in order, or the log is not that large.
        Illegal: the log itself is broken.
    """
    last = newest().size
    size = last if second is None else second
    if not 0 < first <= size <= last:
        raise Invalid(
            f"from {first} to {size}: sizes go from 1 to {last}, the smaller one first", code="no_such_size"
        )
    return {"from": first, "to": size, "path": _hex(lambda: tree().consistency(first, size))}


def _hex(ask: Any) -> list[str]:
    try:
        return [each.hex() for each in ask()]
    except Missing as error:
        raise Illegal(
            f"the log is broken: {error}; `aetheris log verify` says where", code="broken_log"
        ) from error


def holds(index: int, text: str) -> bool:
    """Whether a leaf is what was signed: under the first checkpoint over it, or, before there is one, in the tree."""
    leaf, head = leaf_hash(text.encode("utf-8", "surrogatepass")), first_with(index)
    try:
        if head is None:
            size = index + 1
            return included(leaf, index, size, tree().inclusion(index, size), tree().root(size))
        signed = read_checkpoint(head.text)
        path = tree().inclusion(index, signed.size)
        return included(leaf, index, signed.size, path, signed.root) and bool(signed.signers(keyring.known()))
    except (BadNote, Missing, ValueError):
        return False


def witnessed(job: Job) -> dict[str, Any]:
    """How far a job's events are under a checkpoint.

    Returns:
        `witnessed`: `{seq, leaf, checkpoint}` of its last head under one, or None; `not_yet_witnessed`: the events behind
        it, `{from, to}`, or None.
    """
    leaf = LogLeaf.objects.filter(job_id=job.id, index__lt=reached()).order_by("-seq").first()
    head = None if leaf is None else first_with(leaf.index)
    seq = leaf.seq if leaf is not None else 0
    return {
        "witnessed": None if leaf is None or head is None
        else {"seq": seq, "leaf": leaf.index, "checkpoint": head.size},
        "not_yet_witnessed": {"from": seq + 1, "to": job.head_seq} if seq < job.head_seq else None,
    }  # fmt: skip
