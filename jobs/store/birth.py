"""Births: a job that somebody submits, and a job that is a message to an agent instance."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from django.db import InterfaceError, OperationalError, connection, transaction

from ledger.crashpoints import crashpoint

from .. import clock, knocks
from ..core.chain import GENESIS
from ..core.commands import At, CreateJob, ForkJob
from ..core.decide import decide
from ..core.errors import Busy, Illegal, KeyReused
from ..core.moments import parse, text
from ..core.state import JobState
from ..models import AgentInstance, Delivery, Job, Tombstone
from ..tombstones import gone, request_key
from ..turns import turn
from . import line
from .door import remember
from .group import Committed
from .outages import undone, written
from .reading import LOCK_TIMEOUT_MS, entry
from .writing import Sealed, append, insert_job, seal

TRIES = 5
MICROSECOND = timedelta(microseconds=1)


def _sealed(wish: CreateJob | ForkJob, now: datetime) -> Sealed:
    draft = decide(JobState(), wish, At(now=text(now)))
    return seal(JobState(job=wish.job), draft.state, draft.facts, GENESIS)


def create(wish: CreateJob | ForkJob, *, delivery: str | None = None, **more: Any) -> Committed:
    """Begin a job; inside a caller's transaction it exists if that one commits.

    Args:
        wish: what is asked of whom.
        delivery: the delivery row that asked for it.
        more: further columns of the job row (`idempotency_key`, `request_digest`).

    Raises:
        IntegrityError: the job, its idempotency key, or another retry of the same job exists.
        Delivered: the delivery row is gone; somebody else has carried it out.
        Gone: a job that was asked for with this key, or a later retry of the same job, was pruned.
    """
    sealed = _sealed(wish, clock.now())
    owes = _born(sealed, delivery, more)
    if connection.in_atomic_block:  # a host's own transaction: nothing is true before it commits
        transaction.on_commit(lambda: _announce(sealed, owes=owes), robust=True)
        return Committed(sealed.after, sealed.facts)
    return _announced(sealed, owes=owes)


def _announced(sealed: Sealed, *, owes: bool) -> Committed:
    known = entry(sealed.after.job)
    with known.lock:
        if known.state is None:
            remember(known, sealed)
    _announce(sealed, owes=owes)
    return Committed(sealed.after, sealed.facts)


def _announce(sealed: Sealed, *, owes: bool) -> None:
    crashpoint("after_birth_before_knock")
    knocks.after_commit(sealed.before, sealed.after, owes=owes)


def _born(sealed: Sealed, delivery: str | None, more: dict[str, Any]) -> bool:
    """Write a new job; tells whether deliveries have become due."""
    own = not connection.in_atomic_block
    try:
        # A host's transaction holds the file already: it must not wait for somebody who waits for the file.
        with turn() if own else nullcontext(), transaction.atomic():
            insert_job(sealed, **more)
            _refuse_done(sealed.after, more.get("idempotency_key"))
            return append(sealed, delivery=delivery)
    except (OperationalError, InterfaceError):
        if not own:
            raise
        connection.close()
        if not written(sealed):
            raise
    return True


def _refuse_done(state: JobState, key: str | None) -> None:
    """Refuse what a pruned job has done: whoever asked may have looked before that one was even born.

    Raises:
        Gone: with its tombstone.
    """
    rows = Tombstone.objects.filter(tenant=state.tenant)
    found = rows.filter(request_key=request_key(key)).first() if key is not None else None
    if found is None and state.generation > 1:
        found = rows.filter(origin=state.origin, generation__gte=state.generation).first()
    if found is not None:
        raise gone(found)


def accept(wish: CreateJob, *, request_digest: str = "", delivery: str | None = None) -> str:
    """Take a message to an agent instance: its job has its turn at once, or joins the line.

    Messages are taken one after the other, under the lock of the instance's row. Beside it nothing is locked but the
    rows of a job that nobody else can know yet.

    Args:
        wish: the job; its `instance` says whose mailbox, and from when on it may be taken.
        request_digest: what the message's id stands for; "" where it has none.
        delivery: the delivery row that asked for it.

    Returns:
        The job's id; the same message again gives the job that it is already.

    Raises:
        NotFound: no such instance. Illegal: it has been deleted. KeyReused: the id was used for another message. Busy.
    """
    for _ in range(TRIES):
        taken = _Taken()
        try:
            with turn(), transaction.atomic(durable=True):
                _take_in(taken, wish, request_digest, delivery)
        except (OperationalError, InterfaceError) as lost:
            if undone(lost):
                continue
            connection.close()
            if taken.sealed is None or not written(taken.sealed):
                raise
            taken.owes = True
        if taken.sealed is not None:
            _announced(taken.sealed, owes=taken.owes)
        return wish.job
    raise Busy(f"others keep agent instance {_told(wish)['id']} locked; nothing was written, ask again")


@dataclass
class _Taken:
    """What became of a message: the events of its job, unless it has come before, and whether deliveries are due."""

    sealed: Sealed | None = None
    owes: bool = False


def _take_in(taken: _Taken, wish: CreateJob, request_digest: str, delivery: str | None) -> None:
    row = _locked(wish)
    if _came_before(wish, request_digest, delivery):
        return
    taken.sealed = _addressed(wish, row, delivery)
    insert_job(taken.sealed, request_digest=request_digest)
    taken.owes = append(taken.sealed, delivery=delivery)
    state = taken.sealed.after
    assert state.message is not None
    taken.owes |= line.joined(row, state.job, state.message, parse(state.created_at))


def _told(wish: CreateJob) -> dict[str, Any]:
    return dict(wish.instance or {})


def _locked(wish: CreateJob) -> AgentInstance:
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute(f"SET LOCAL lock_timeout = {LOCK_TIMEOUT_MS}")
    return line.locked(_told(wish)["id"])


def _came_before(wish: CreateJob, request_digest: str, delivery: str | None) -> bool:
    """Whether the message is a job already; a delivery that asked for it again is done with."""
    before = Job.objects.filter(id=wish.job).values_list("request_digest", flat=True).first()
    if before is None:  # what was pruned has been done, and is not done again
        before = Tombstone.objects.filter(job_id=wish.job).values_list("request_digest", flat=True).first()
    if before is None:
        return False
    if before != request_digest:
        raise KeyReused(
            f"the message id was used for job {wish.job} with another message; use a new id for a new message"
        )
    if delivery is not None:
        Delivery.objects.filter(id=delivery).delete()
    return True


def _addressed(wish: CreateJob, row: AgentInstance, delivery: str | None) -> Sealed:
    """The first events of a message: with its turn, or parked in the line."""
    if row.deleted_at is not None and delivery is None:
        raise Illegal(
            f"agent {row.name or row.id} has been deleted; it takes no messages", code="agent_deleted"
        )
    told = _told(wish)
    at = max(clock.now(), row.heard_at + MICROSECOND)  # so that their moments tell their order
    due = max(at, parse(told["due"])) if told.get("due") else at
    told["due"] = text(due)
    if due <= at and line.is_free(row) and line.waiting(row, at) is None:
        return _sealed(replace(wish, instance=told | line.next_turn(row), state=line.kept_state(row)), at)
    return _sealed(replace(wish, instance=told), at)
