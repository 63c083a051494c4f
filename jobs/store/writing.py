"""Appending: sealed events and everything they imply, in one transaction (Law L3)."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NoReturn
from uuid import UUID

from django.db import connection, transaction

from ledger.crashpoints import crashpoint
from ledger.statements import Delete, Insert, Update

from ..bodies import written
from ..conf import conf
from ..core import chain
from ..core.events import Fact
from ..core.moments import parse
from ..core.state import JobState
from ..models import Addressee, Approval, Blob, Delivery, Event, Job, Step, Worker
from ..models.agenda import NEVER
from ..rows import STEP_FIELDS, EventRow, addressees_of, ancestry, approval_row, changed_steps, job_row
from . import at_once, book, debts

SALT = 16  # bytes
write_events = Insert(Event)
put_steps = Insert(Step, by=("job_id", "node"), replaced=(*STEP_FIELDS, "knock_at"))
drop_steps = Delete(Step, "job_id", "node")
move_head = Update(Job, "id", "head_seq", "head_hash")
move_head_for = Update(
    Job, "id", "head_seq", "head_hash",
    provided="EXISTS (SELECT 1 FROM aetheris_jobs_worker w WHERE w.id = %s AND NOT w.dead)",
)  # fmt: skip


class Conflict(Exception):
    """The head has moved: what the writer knew is not the whole truth any more."""


class WorkerDead(Exception):
    """The worker that wants to claim has been declared dead; it must register anew."""


class Delivered(Exception):
    """The delivery row that asked for this is gone: somebody else has carried it out, so nothing is written."""


@dataclass(frozen=True)
class Sealed:
    """Events ready to be written: the same bytes are sent again if an acknowledgement is lost."""

    events: tuple[EventRow, ...]
    blobs: dict[str, str]
    before: JobState
    after: JobState
    facts: tuple[Fact, ...]
    prev: str

    @property
    def hash(self) -> str:
        return self.events[-1].hash


def seal(before: JobState, after: JobState, facts: Sequence[Fact], prev: str) -> Sealed:
    """Link facts to the chain: text, salt, digest, hash."""
    limit = conf().INLINE_LIMIT
    events, blobs, last = [], {}, prev
    salts = secrets.token_hex(SALT * len(facts))
    for place, fact in enumerate(facts):
        text, aside = written(fact.body, limit)
        blobs.update(aside)
        salt = salts[2 * SALT * place : 2 * SALT * (place + 1)]
        digest = chain.body_digest(salt, text)
        linked = chain.link(
            job=after.job, seq=fact.seq, type=fact.type, node=fact.node, at=fact.at, digest=digest, prev=last
        )
        events.append(
            EventRow(after.job, fact.seq, after.tenant, fact.type, fact.node, fact.at, text, salt, digest, last, linked)
        )  # fmt: skip
        last = linked
    return Sealed(tuple(events), blobs, before, after, tuple(facts), prev)


def append_alone(sealed: Sealed, *, worker: str | None = None, delivery: str | None = None) -> bool:
    """As `append`, in a transaction of its own; on Postgres an ordinary step is one statement, which needs none."""
    if _fits(sealed, delivery) and at_once.is_alone():
        _append_at_once(sealed, worker)
        return False
    with transaction.atomic(durable=True):
        return append(sealed, worker=worker, delivery=delivery)


def append(sealed: Sealed, *, worker: str | None = None, delivery: str | None = None) -> bool:
    """Write events and everything they imply; needs a transaction. Lock order: job, steps, ledger, agent instance.

    Args:
        sealed: what to write.
        worker: who claims a step in it; must not have been declared dead.
        delivery: the row that asked for this; removed with it.

    Returns:
        Whether deliveries have become due.

    Raises:
        Conflict: the head is not the one that was known.
        WorkerDead: the claiming worker is dead.
        Delivered: the delivery row is gone.
        Taken, NotReserved, IntegrityError: the ledger let nobody, or somebody else, through.
    """
    if _fits(sealed, delivery):
        _append_at_once(sealed, worker)
        return False
    _move_head(sealed, worker)
    crashpoint("in_append")
    write_events(sealed.events)
    _write_parts(sealed)
    write_steps(sealed.before, sealed.after)
    awaited = book.write(sealed.after, sealed.facts)
    _write_approvals(sealed)
    owed = debts.write(sealed.after, sealed.facts)
    if delivery is not None and not Delivery.objects.filter(id=delivery).delete()[0]:
        raise Delivered(
            f"delivery {delivery} to job {sealed.after.job} has been carried out by another process"
        )
    crashpoint("before_commit")
    return awaited or owed


def _fits(sealed: Sealed, delivery: str | None) -> bool:
    return delivery is None and not sealed.blobs and at_once.fits(sealed.before, sealed.after, sealed.facts)


def _append_at_once(sealed: Sealed, worker: str | None) -> None:
    """What the statement can write leaves the job owing nobody anything."""
    crashpoint("in_append")
    if not at_once.write(sealed.events, sealed.before, sealed.after, sealed.facts, worker):
        _refuse(sealed, worker)
    crashpoint("before_commit")


def _write_parts(sealed: Sealed) -> None:
    """Parts that stand elsewhere. One that is there is locked: nobody removes a part that is being named."""
    if sealed.blobs:
        rows = [
            Blob(tenant=sealed.after.tenant, sha256=key, text=part)
            for key, part in sorted(sealed.blobs.items())
        ]
        Blob.objects.bulk_create(
            rows, update_conflicts=True, unique_fields=["tenant", "sha256"], update_fields=["sha256"]
        )


def _move_head(sealed: Sealed, worker: str | None) -> None:
    after = sealed.after
    if sealed.before.seq == 0:
        return  # `create` inserts the row
    columns = {**job_row(after), "head_hash": sealed.hash}
    if job_row(sealed.before)["output"] == columns["output"] is None:
        del columns["output"]
    known = (after.job, sealed.before.seq, sealed.prev)
    if worker is None:
        moved = move_head(known, columns)
    else:
        moved = move_head_for(known, columns, [Worker._meta.pk.get_db_prep_save(worker, connection)])
    if moved == 1:
        return
    _refuse(sealed, worker)


def _refuse(sealed: Sealed, worker: str | None) -> NoReturn:
    """The head did not move: say why."""
    if worker is not None and not Worker.objects.filter(id=worker, dead=False).exists():
        raise WorkerDead(f"worker {worker} has been declared dead; it claims nothing any more")
    raise Conflict(f"job {sealed.after.job}: the head is not event {sealed.before.seq} any more")


def insert_job(sealed: Sealed, **more: Any) -> None:
    """The row of a new job."""
    state = sealed.after
    Job.objects.create(
        id=state.job, tenant=state.tenant, agent=state.agent, version=state.version, head_hash=sealed.hash,
        goal=chain.canonical(state.goal), requester=state.requester["id"], requester_name=state.requester["name"][:150],
        origin=state.origin, priority=state.priority, on_failure=state.on_failure, tags=chain.canonical(list(state.tags)),
        parent_job=UUID(state.parent["job"]) if state.parent else None,
        parent_node=state.parent["node"] if state.parent else "",
        instance=UUID(state.message.instance) if state.message else None, created_at=parse(state.created_at),
        **ancestry(state), **job_row(state), **more,
    )  # fmt: skip


def write_steps(before: JobState, after: JobState) -> None:
    """Bring the agenda from one state to the next."""
    rows, removed = changed_steps(before, after)
    if removed:
        drop_steps(after.job, removed)
    if rows:
        put_steps(rows)


def _write_approvals(sealed: Sealed) -> None:
    for fact in sealed.facts:
        if fact.type == "approval_requested":
            row = approval_row(sealed.after, fact.node)
            Approval.objects.create(id=fact.body["approval"], requested_at=parse(fact.at), **row)
            _address(fact, row)
        elif fact.type == "approval_decided":
            row = approval_row(sealed.after, fact.node)
            decided = parse(fact.at) if row["state"] != "open" else None
            Approval.objects.filter(id=fact.body["approval"]).update(decided_at=decided, **row)
            _address(fact, row)


def _address(fact: Fact, row: dict[str, Any]) -> None:
    """Whom an approval asks, until when, and whether it still does."""
    approval, asks = fact.body["approval"], row["state"] == "open"
    rows = [
        Addressee(tenant=row["tenant"], whom=whom, open=asks, approval=approval, job_id=row["job_id"],
                  deadline=row["deadline"] or NEVER, requested_at=parse(fact.at))
        for whom in addressees_of(row)
    ]  # fmt: skip
    Addressee.objects.bulk_create(
        rows, update_conflicts=True, unique_fields=["approval", "whom"], update_fields=["open", "deadline"]
    )
