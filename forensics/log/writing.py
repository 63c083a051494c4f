"""Appending to the log: leaves behind the lock of its end, then a signed checkpoint. Doing it twice does no harm."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from django.db import connection, transaction
from django.db.models import Max

from jobs import clock
from jobs.turns import turn

from ..merkle import Tree
from ..models import Checkpoint, LogLeaf, LogState, LogTile
from ..notes import Key, checkpoint_text, sign
from . import keyring
from .leaves import Told
from .reading import ends, tree

BATCH = 1000  # leaves of one transaction
LOCK_TIMEOUT_MS = 30_000  # whoever holds the end writes one batch and lets go

Head = tuple[str, Told]  # whose it is, and what the leaf says


def add(heads: Sequence[Head]) -> int:
    """Give a leaf to every head that is newer than its last leaf.

    Args:
        heads: any number; each with the tenant that it belongs to.

    Returns:
        How many leaves there are more.
    """
    made = 0
    for start in range(0, len(heads), BATCH):
        with turn(), transaction.atomic():
            made += _append(locked(), heads[start : start + BATCH])
    return made


def locked() -> LogState:
    """The end of the log, held until the transaction ends."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute(f"SET LOCAL lock_timeout = {LOCK_TIMEOUT_MS}")
    rows = LogState.objects.select_for_update()
    state = rows.filter(id=1).first()
    if state is None:
        LogState.objects.bulk_create([LogState(id=1)], ignore_conflicts=True)
        state = rows.get(id=1)
    return state


def _append(state: LogState, heads: Sequence[Head]) -> int:
    last = ends(heads)
    fresh: dict[tuple[str, str], Head] = {}
    for tenant, each in heads:
        place = (each.job, "" if each.job else tenant)
        if each.seq > last.get(place, 0) and (place not in fresh or each.seq > fresh[place][1].seq):
            fresh[place] = (tenant, each)
    if not fresh:
        return 0
    rows = [
        LogLeaf(
            index=index, tenant=tenant, job_id=UUID(each.job) if each.job else None, seq=each.seq, text=each.text
        )
        for index, (tenant, each) in enumerate(fresh.values(), start=state.size)
    ]  # fmt: skip
    LogLeaf.objects.bulk_create(rows)
    _grow(tree(), state.size, [each.leaf for _, each in fresh.values()])
    LogState.objects.filter(id=1).update(size=state.size + len(rows))
    return len(rows)


def _grow(whole: Tree, size: int, leaves: Sequence[bytes]) -> None:
    changed = whole.append(size, leaves)
    for (level, number), hashes in changed.items():
        if not LogTile.objects.filter(level=level, number=number).update(hashes=hashes):
            LogTile.objects.create(level=level, number=number, hashes=hashes)


def checkpoint() -> Checkpoint | None:
    """Sign the log as it is, unless that has been done.

    Returns:
        The newest checkpoint; None of a log without leaves.

    Raises:
        NoSigningKey: nothing can be signed.
    """
    signer = keyring.signer()
    size = LogState.objects.filter(id=1).values_list("size", flat=True).first() or 0
    if not size:
        return None
    found = Checkpoint.objects.filter(size=size).first()
    if found is not None:
        return found
    root = tree().root(size)
    key = Key(signer.name, signer.public)
    text = sign(
        checkpoint_text(key.name, size, root), [signer]
    )  # outside of any lock: a KMS may take its time
    keyring.remember(key)
    row = Checkpoint(size=size, origin=key.name, root=root.hex(), key=key.id.hex(), text=text, at=clock.now())
    with turn():
        Checkpoint.objects.bulk_create([row], ignore_conflicts=True)
    return Checkpoint.objects.get(size=size)


def reached() -> int:
    """How many leaves the newest checkpoint covers."""
    return Checkpoint.objects.aggregate(size=Max("size"))["size"] or 0
