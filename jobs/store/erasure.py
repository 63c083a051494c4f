"""Erasing: bodies go, with every copy that derived rows hold, in the commit that says so (design: Proof).

Afterwards the rows are what the remaining record derives: nothing else is written (Law L1).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db import transaction

from ledger import services as ledger
from ledger.canonical import erased_key
from ledger.crashpoints import crashpoint

from .. import clock
from ..archiving import forgotten
from ..bodies import folded, named
from ..core.chain import canonical
from ..core.commands import Actor, At, EraseBodies, Erasure
from ..core.decide import decide
from ..core.erasing import erasable, keyed_paths, legible
from ..core.events import Fact
from ..core.moments import text
from ..core.state import JobState
from ..models import AgentInstance, Approval, Event, Job
from ..rows import approval_row, job_row
from ..turns import turn
from . import parts, retelling
from .gates import freeze, gate, overwrite, settle
from .reading import Entry, entry, lock_row, refresh
from .writing import append, seal

AT_ONCE = 500  # rows of one statement


@dataclass(frozen=True)
class Wish:
    """Which bodies are to go, for whom, and why."""

    chosen: Callable[[Fact], bool]
    actor: Actor
    reason: str
    basis: str


@dataclass(frozen=True)
class Erased:
    """What an erasing did.

    Args:
        events: number and digest of each event whose body is gone now.
        before: number and hash of the head before it.
        after: the same after it; equal if there was nothing to erase.
        parts: how many parts that stood elsewhere went.
    """

    events: tuple[tuple[int, str], ...]
    before: tuple[int, str]
    after: tuple[int, str]
    parts: int = 0


def chosen_of(job: UUID, tenant: str, chosen: Callable[[Fact], bool]) -> list[Erasure]:
    """The events of a choice that have content, with what stays legible of each."""
    rows = list(Event.objects.filter(job_id=job).order_by("seq"))
    bodies = folded(job, tenant, [row.seq for row in rows], [row.body for row in rows])
    facts = [
        Fact(type=row.type, node=row.node, body=body, seq=row.seq, at=row.at)
        for row, body in zip(rows, bodies, strict=True)
    ]
    keyed = keyed_paths(facts)
    return [
        Erasure(fact.seq, row.digest, legible(fact, keyed))
        for row, fact in zip(rows, facts, strict=True)
        if chosen(fact) and erasable(fact, keyed)
    ]


def erase(job: UUID, wish: Wish, allowed: Callable[[JobState, Job], None]) -> Erased:
    """Erase bodies of a job that has ended; what is erased already is left alone.

    Args:
        job: its id.
        wish: what, for whom, and why.
        allowed: judges, while nothing can change any more; refuses by raising.

    Raises:
        Refused: the job runs, or `allowed` refuses.
    """
    known = entry(job)
    with known.lock:
        overwrite()
        with turn(), transaction.atomic(durable=True):
            freeze()
            lock_row(known)
            done = _erased(job, wish, allowed)
            crashpoint("before_commit")
        known.forget()  # what this process has in memory goes too
    settle()
    return done


def _erased(job: UUID, wish: Wish, allowed: Callable[[JobState, Job], None]) -> Erased:
    now = Entry(str(job))
    state = refresh(now)
    row = Job.objects.get(id=job)
    allowed(state, row)
    bodies = tuple(chosen_of(job, state.tenant, wish.chosen))
    draft = decide(state, EraseBodies(bodies, wish.actor, wish.reason, wish.basis), At(text(clock.now())))
    if not draft.facts:
        return Erased((), (state.seq, now.hash), (state.seq, now.hash))
    sealed = seal(state, draft.state, draft.facts, now.hash)
    append(sealed)
    seqs = [each.seq for each in bodies]
    wanted = _parts_of(job, seqs)
    with gate("erase", job):
        for some in _some(seqs):
            Event.objects.filter(job_id=job, seq__in=some, body__isnull=False).update(body=None, salt=None)
    gone = parts.remove(state.tenant, wanted)
    _derive_again(job, row, seqs)
    forgotten.send(sender=Job, tenant=state.tenant, job=job, seqs=seqs)
    events = tuple((each.seq, each.digest) for each in bodies)
    return Erased(events, (state.seq, now.hash), (draft.state.seq, sealed.hash), gone)


def _some(seqs: Sequence[int]) -> Iterable[Sequence[int]]:
    return (seqs[start : start + AT_ONCE] for start in range(0, len(seqs), AT_ONCE))


def _parts_of(job: UUID, seqs: Sequence[int]) -> set[str]:
    """The parts of these events that stand elsewhere."""
    found: set[str] = set()
    for some in _some(seqs):
        bodies = Event.objects.filter(job_id=job, seq__in=some, body__contains='"$blobs"')
        for body in bodies.values_list("body", flat=True):
            found |= {digest for _, digest in named(json.loads(body or "{}"))}
    return found


def _derive_again(job: UUID, row: Job, seqs: Collection[int]) -> None:
    """Write every derived row as the remaining record tells it."""
    state = refresh(Entry(str(job)))
    key = row.idempotency_key
    Job.objects.filter(id=job).update(
        **job_row(state), goal=canonical(state.goal),
        idempotency_key=erased_key(key) if key is not None and 1 in seqs else key,
    )  # fmt: skip
    for asked in state.calls.values():
        if asked.kind == "approval" and "approval" in asked.info:
            columns = approval_row(state, asked.path)
            Approval.objects.filter(id=asked.info["approval"]).update(**columns)
    for line, columns in retelling.told(job, state.tenant).items():
        ledger.retell(line, columns)
    _memory(state)


def _memory(state: JobState) -> None:
    """What an agent instance keeps of this job, if its state is the one that this job left."""
    if state.message is not None:
        left: dict[str, Any] = dict(state.data.items())
        AgentInstance.objects.filter(id=state.message.instance, kept=state.job).update(state=canonical(left))
