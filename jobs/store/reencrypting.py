"""Bodies under the current key, table after table (docs/encryption.md).

Events are append-only; the triggers let a text be replaced by another form of it only through the gate, and the chain
proves that it says what it said: an event commits to the salted text, not to how it is stored.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import groupby
from uuid import UUID

from django.db import transaction
from django.db.models import Model

from ledger.models import Invocation
from ledger.reencrypting import Stored, Told, counted, rewrite, stale

from ..models import AgentInstance, Approval, Blob, Delivery, Event, Job, Webhook
from ..turns import turn
from .gates import gate, overwrite, settle

# Each with the column of whose row it is.
TABLES: tuple[tuple[type[Model], str], ...] = (
    (Event, "job_id"), (Blob, "tenant"), (Job, "id"), (Approval, "job_id"), (Delivery, "job_id"), (AgentInstance, "id"),
    (Invocation, "job_id"), (Webhook, "id"),
)  # fmt: skip
AT_ONCE = 200


def counts(tenant: str | None = None) -> dict[str, dict[str, int]]:
    """By table, how many texts (of one tenant, or of all) stand under each key; "" is clear text."""
    return {model._meta.db_table: counted(model, tenant) for model, _ in TABLES}


def reencrypt(told: Callable[[str, Told], None], tenant: str | None = None, size: int = AT_ONCE) -> Told:
    """Write every text that is not under the current key again; may be stopped and begun anew at any time.

    Args:
        told: called after each batch with the table and what has been done in it so far.
        tenant: only this one's texts; None: all.
        size: rows of a transaction.

    Raises:
        ledger.encryption.Unreadable: a key that some text needs is not configured.
    """
    whole = Told()
    for model, owner in TABLES:
        here = Told()
        for rows in stale(model, owner, size, tenant):
            with turn(), transaction.atomic(durable=True):
                overwrite()
                here += _events(rows) if model is Event else rewrite(model, rows)
            told(model._meta.db_table, here)
        whole += here
    settle()
    return whole


def _events(rows: list[Stored]) -> Told:
    told = Told()
    for job, some in _by_job(rows):
        with gate("encrypt", job):
            told += rewrite(Event, some)
    return told


def _by_job(rows: list[Stored]) -> Iterator[tuple[UUID, list[Stored]]]:
    for job, some in groupby(sorted(rows, key=lambda row: str(row.owner)), key=lambda row: str(row.owner)):
        yield UUID(job), list(some)
