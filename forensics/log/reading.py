"""Reading the log: its tree, leaves and checkpoints."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Any
from uuid import UUID

from django.db.models import Max, Q

from ..merkle import Place, Tree
from ..models import Checkpoint, LogKey, LogLeaf, LogTile
from ..notes import BadNote, read_checkpoint, read_key
from .leaves import Told, told


def tree() -> Tree:
    """The tree over the stored tiles."""
    return Tree(_tiles)


def _tiles(places: Sequence[Place]) -> Mapping[Place, bytes]:
    wanted = Q(pk__in=[])
    for level in sorted({level for level, _ in places}):
        wanted |= Q(level=level, number__in=[number for each, number in places if each == level])
    return {
        (level, number): bytes(hashes)
        for level, number, hashes in LogTile.objects.filter(wanted).values_list("level", "number", "hashes")
    }


def ends(heads: Iterable[tuple[str, Told]]) -> dict[tuple[str, str], int]:
    """The number in the last leaf of each head's job, or (under `""` and the tenant) of an access log."""
    jobs = [UUID(each.job) for _, each in heads if each.job]
    tenants = [tenant for tenant, each in heads if not each.job]
    leaves = LogLeaf.objects.order_by()
    found: dict[tuple[str, str], int] = {
        (str(job), ""): seq
        for job, seq in leaves.filter(job_id__in=jobs).values_list("job_id").annotate(last=Max("seq"))
    }
    rows: Any = leaves.filter(job_id__isnull=True, tenant__in=tenants).values_list("tenant")
    return {**found, **{("", tenant): seq for tenant, seq in rows.annotate(last=Max("seq"))}}


def last_leaf(job: UUID | str) -> LogLeaf | None:
    """The newest leaf of a job."""
    return LogLeaf.objects.filter(job_id=job).order_by("-seq").first()


def first_with(index: int) -> Checkpoint | None:
    """The first checkpoint over a leaf."""
    return Checkpoint.objects.filter(size__gt=index).order_by("size").first()


def latest() -> Checkpoint | None:
    """The newest checkpoint."""
    return Checkpoint.objects.order_by("-size").first()


def key_of(head: Checkpoint) -> str:
    """The public key that signed a checkpoint, as one line.

    Raises:
        LookupError: the database does not know it any more.
    """
    for text in LogKey.objects.values_list("vkey", flat=True):
        with suppress(BadNote):
            if read_checkpoint(head.text).signers([read_key(text)]):
                return text
    raise LookupError(
        f"the key {head.key} that signed the checkpoint of {head.size} leaves is not known here"
    )


def leaves_of(jobs: Sequence[UUID]) -> dict[UUID, list[tuple[int, str, Told | None]]]:
    """What the log says of jobs: place, text and meaning of each leaf, in the order of their numbers."""
    found: dict[UUID, list[tuple[int, str, Told | None]]] = {}
    rows = LogLeaf.objects.filter(job_id__in=jobs).order_by("job_id", "seq")
    for job, index, text in rows.values_list("job_id", "index", "text").iterator(2000):
        if job is not None:
            found.setdefault(job, []).append((index, text, told(text)))
    return found
