"""The gate in the triggers that keep events append-only, and the lock between legal holds and whatever takes away.

Both are of one transaction: they are gone when it ends.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

from django.db import connection

HOLDS = 0x61657468  # the advisory lock of Postgres; SQLite has one writer


def freeze() -> None:
    """Until this transaction ends no hold is placed, and nothing else is erased or pruned."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [HOLDS])


def overwrite() -> None:
    """On SQLite what is deleted is overwritten, and not only marked as free."""
    if connection.vendor == "sqlite":
        with connection.cursor() as cursor:
            cursor.execute("PRAGMA secure_delete = ON")


def settle() -> None:
    """On SQLite what was overwritten leaves the write-ahead log too, if nobody reads from it at this moment."""
    if connection.vendor == "sqlite" and not connection.in_atomic_block:
        with connection.cursor() as cursor:
            cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")


@contextmanager
def gate(kind: str, job: UUID) -> Iterator[None]:
    """Let bodies of one job be erased or be stored under another key, or all its events be pruned, and nothing else.

    Args:
        kind: `erase`, `encrypt` or `prune`.
        job: whose.
    """
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SELECT set_config('aetheris.gate', %s, true)", [f"{kind}:{job}"])
        else:
            cursor.execute("INSERT INTO aetheris_jobs_gate (job_id, opens) VALUES (%s, %s)", [job.hex, kind])
    yield  # an error takes the transaction back, and the gate with it
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SELECT set_config('aetheris.gate', '', true)")
        else:
            cursor.execute("DELETE FROM aetheris_jobs_gate WHERE job_id = %s", [job.hex])
