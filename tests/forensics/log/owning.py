"""What the tests of the log share: jobs to log, the log without its guards, and its tables made anew by their owner."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection, transaction

from forensics import log
from forensics.log import writing
from forensics.merkle import leaf_hash
from forensics.models import Access, AccessHead, Checkpoint, LogLeaf, LogState, LogTile
from tests.forensics.tampering import TRIGGERS as EVENT_TRIGGERS
from tests.forensics.verifying import jobs_of

LEAF, TILE, STATE, HEAD = (each._meta.db_table for each in (LogLeaf, LogTile, LogState, Checkpoint))
NAMES = {
    "sqlite": ["leaf_no_update", "leaf_no_delete", "checkpoint_no_update", "checkpoint_no_delete", "tile_no_delete",
               "tile_grows", "state_no_delete", "state_forward"],
    "postgresql": [f"leaf_no_change ON {LEAF}", f"checkpoint_no_change ON {HEAD}", f"tile_no_delete ON {TILE}",
                   f"tile_grows ON {TILE}", f"state_no_delete ON {STATE}", f"state_forward ON {STATE}"],
}  # fmt: skip


@contextmanager
def unguarded() -> Iterator[None]:
    """Without the triggers of events and of the log; everything is taken back at the end."""
    with transaction.atomic():
        with connection.cursor() as cursor:
            for statement in EVENT_TRIGGERS[connection.vendor]:
                cursor.execute(statement)
            for name in NAMES[connection.vendor]:
                cursor.execute(f"DROP TRIGGER aetheris_log_{name}")
        yield
        transaction.set_rollback(True)


ACCESS = {
    "sqlite": ["no_update", "no_delete", "head_no_delete"],
    "postgresql": [f"no_change ON {Access._meta.db_table}", f"head_no_delete ON {AccessHead._meta.db_table}"],
}


@contextmanager
def access_unguarded() -> Iterator[None]:
    """Without the triggers of the access log; likewise."""
    with transaction.atomic():
        with connection.cursor() as cursor:
            for name in ACCESS[connection.vendor]:
                cursor.execute(f"DROP TRIGGER aetheris_access_{name}")
        yield
        transaction.set_rollback(True)


def logged(tenant: str, count: int = 3) -> list[str]:
    """Jobs of a tenant that are in the log."""
    jobs = jobs_of(tenant, count)
    log.append_heads()
    return jobs


def made_anew(changed: dict[int, str]) -> None:
    """The owner's work: some leaves changed, and every tile, root and signature computed anew, with the same key."""
    leaves = [(row, changed.get(row.index, row.text)) for row in LogLeaf.objects.order_by("index")]
    sizes = list(Checkpoint.objects.order_by("size").values_list("size", flat=True))
    for model in (Checkpoint, LogTile, LogLeaf):
        model.objects.all().delete()
    LogState.objects.update(size=0)
    LogLeaf.objects.bulk_create([
        LogLeaf(index=row.index, tenant=row.tenant, job_id=row.job_id, seq=row.seq, text=text) for row, text in leaves
    ])  # fmt: skip
    done = 0
    for size in sizes:
        writing._grow(log.tree(), done, [leaf_hash(text.encode()) for _, text in leaves[done:size]])
        LogState.objects.update(size=size)
        log.checkpoint()
        done = size
    writing._grow(log.tree(), done, [leaf_hash(text.encode()) for _, text in leaves[done:]])
    LogState.objects.update(size=len(leaves))
