"""Pruning: a job that has ended goes whole, in the commit that puts its signed tombstone there.

Lines of the book that hold a business key stay without their words, for ever: the key must never be used twice.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.db import transaction

from ledger import services as ledger
from ledger.crashpoints import crashpoint

from ..archiving import Act, forgotten, mark
from ..bodies import ASIDE, named
from ..core.commands import Actor
from ..core.errors import NotFound, Stale
from ..models import Addressee, Approval, Event, Job, Step, Tombstone
from ..tombstones import statement
from ..turns import turn
from . import parts
from .gates import freeze, gate, overwrite, settle
from .reading import entry, lock_row


def prune(job: UUID, tombstone: Tombstone, actor: Actor, allowed: Callable[[Job], None]) -> None:
    """Take a job out of the database, and leave a tombstone.

    Args:
        job: its id.
        tombstone: signed, for the head as it was.
        actor: who takes it away.
        allowed: judges, while nothing can change any more; refuses by raising.

    Raises:
        NotFound: it is gone already. Stale: its head has moved. Refused: by `allowed`.
    """
    known = entry(job)
    with known.lock:
        overwrite()
        with turn(), transaction.atomic(durable=True):
            freeze()
            lock_row(known)
            _pruned(job, tombstone, allowed)
            mark(Act("prune", actor, tombstone.tenant, statement(tombstone), str(job)))
            crashpoint("before_commit")
        known.forget()
    settle()


def unless_pruned(job: UUID, act: Callable[[], object]) -> None:
    """Do something if a job has no tombstone, while none can be put there."""
    with turn(), transaction.atomic():
        freeze()
        if not Tombstone.objects.filter(job_id=job).exists():
            act()


def _pruned(job: UUID, tombstone: Tombstone, allowed: Callable[[Job], None]) -> None:
    row = Job.objects.filter(id=job).first()
    if row is None:
        raise NotFound(f"there is no job {job}")
    if (row.head_seq, row.head_hash) != (tombstone.head_seq, tombstone.head_hash):
        raise Stale(f"job {job}: its head moved on while it was being archived; ask again", code="head_moved")
    allowed(row)
    tombstone.save(force_insert=True)
    crashpoint("in_prune")
    wanted = _parts_of(job)
    with gate("prune", job):
        Event.objects.filter(job_id=job).delete()
    parts.remove(row.tenant, wanted)
    ledger.close_account(job)
    for model in (Addressee, Approval, Step):
        model._default_manager.filter(job_id=job).delete()
    row.delete()
    forgotten.send(sender=Job, tenant=row.tenant, job=job, seqs=None)


def _parts_of(job: UUID) -> set[str]:
    found: set[str] = set()
    bodies = Event.objects.filter(job_id=job, body__contains=f'"{ASIDE}"').values_list("body", flat=True)
    for body in bodies.iterator(parts.AT_ONCE):
        told: dict[str, Any] = json.loads(body or "{}")
        found |= {digest for _, digest in named(told)}
    return found
