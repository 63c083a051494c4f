"""Erasing: bodies go, with every copy that derived rows hold, in the commit that says so (design: Proof).

Afterwards the rows are what the remaining record derives: nothing else is written (Law L1).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from django.db import transaction

from ledger import services as ledger
from ledger.canonical import erased_key
from ledger.crashpoints import crashpoint

from .. import clock
from ..archiving import Act, forgotten, mark
from ..bodies import ASIDE, folded, named
from ..core.chain import canonical
from ..core.commands import Actor, At, EraseBodies, Erasure
from ..core.decide import decide
from ..core.erasing import MARK, erasable, keyed_paths, legible
from ..core.errors import Busy, NotFound
from ..core.events import Fact
from ..core.evolve import fold
from ..core.moments import text
from ..core.state import JobState
from ..models import Addressee, AgentInstance, Approval, Event, Job
from ..rows import addressees_of, approval_row, job_row
from ..turns import turn
from . import parts, retelling
from .gates import freeze, gate, overwrite, settle
from .reading import Entry, entry, lock_row
from .writing import Conflict, Sealed, append, seal

TRIES = 5
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


@dataclass(frozen=True)
class _Prepared:
    """An erasing of a job as it stands: everything that needs thought, done before anything is locked.

    `after` and `lines` are what the remaining record tells: the job, and the words of its ledger lines.
    """

    bodies: tuple[Erasure, ...]
    before: JobState
    hash: str
    sealed: Sealed | None
    after: JobState
    lines: Mapping[str, Mapping[str, Any]]


def _read(job: UUID, tenant: str) -> list[tuple[Event, Fact]]:
    rows = list(Event.objects.filter(job_id=job).order_by("seq"))
    bodies = folded(job, tenant, [row.seq for row in rows], [row.body for row in rows])
    return [
        (row, Fact(type=row.type, node=row.node, body=body, seq=row.seq, at=row.at))
        for row, body in zip(rows, bodies, strict=True)
    ]


def chosen_of(job: UUID, tenant: str, chosen: Callable[[Fact], bool]) -> list[Erasure]:
    """The events of a choice that have content, with what stays legible of each."""
    return _chosen(_read(job, tenant), chosen)


def _chosen(record: Sequence[tuple[Event, Fact]], chosen: Callable[[Fact], bool]) -> list[Erasure]:
    keyed = keyed_paths(fact for _, fact in record)
    return [
        Erasure(fact.seq, row.digest, legible(fact, keyed))
        for row, fact in record
        if chosen(fact) and erasable(fact, keyed)
    ]


def _prepare(job: UUID, tenant: str, wish: Wish) -> _Prepared:
    record = _read(job, tenant)
    before = fold((fact for _, fact in record), JobState(job=str(job)))
    bodies, hash = tuple(_chosen(record, wish.chosen)), record[-1][0].hash
    draft = decide(before, EraseBodies(bodies, wish.actor, wish.reason, wish.basis), At(text(clock.now())))
    gone = {each.seq: {**each.legible, **MARK} for each in bodies}
    left = (replace(fact, body=gone[fact.seq]) if fact.seq in gone else fact for _, fact in record)
    after, lines = retelling.told(str(job), [*left, *draft.facts])
    sealed = seal(before, draft.state, draft.facts, hash) if draft.facts else None
    return _Prepared(bodies, before, hash, sealed, after, lines)


def erase(job: UUID, wish: Wish, allowed: Callable[[Job], None]) -> Erased:
    """Erase bodies of a job that has ended; what is erased already is left alone.

    Args:
        job: its id.
        wish: what, for whom, and why.
        allowed: judges, while nothing can change any more; refuses by raising.

    Raises:
        NotFound: there is no such job. Refused: it runs, or `allowed` refuses. Busy: its head kept moving.
    """
    known = entry(job)
    for _ in range(TRIES):
        row = Job.objects.filter(id=job).first()
        if row is None:
            raise NotFound(f"there is no job {job}")
        allowed(row)
        ready = _prepare(job, row.tenant, wish)
        if ready.sealed is None:
            return Erased((), (ready.before.seq, ready.hash), (ready.before.seq, ready.hash))
        try:
            with known.lock:
                return _written(known, job, ready, wish, allowed)
        except Conflict:
            continue
    raise Busy(f"job {job} is being changed by others all the time; nothing was erased, ask again")


def _written(known: Entry, job: UUID, ready: _Prepared, wish: Wish, allowed: Callable[[Job], None]) -> Erased:
    assert ready.sealed is not None
    seqs = [each.seq for each in ready.bodies]
    overwrite()
    with turn(), transaction.atomic(durable=True):
        freeze()
        lock_row(known)
        row = Job.objects.filter(id=job).first()
        if row is None:
            raise NotFound(f"there is no job {job}")
        allowed(row)
        append(ready.sealed)
        wanted = _parts_of(job, seqs)
        with gate("erase", job):
            for some in _some(seqs):
                Event.objects.filter(job_id=job, seq__in=some, body__isnull=False).update(
                    body=None, salt=None
                )
        gone = parts.remove(row.tenant, wanted)
        _derive_again(row, ready)
        forgotten.send(sender=Job, tenant=row.tenant, job=job, seqs=seqs)
        head = {"seq": ready.after.seq, "hash": ready.sealed.hash}
        mark(Act("erase", wish.actor, row.tenant, {"job": str(job), "head": head}, str(job)))
        crashpoint("before_commit")
    known.forget()  # what this process has in memory goes too
    settle()
    events = tuple((each.seq, each.digest) for each in ready.bodies)
    return Erased(events, (ready.before.seq, ready.hash), (ready.after.seq, ready.sealed.hash), gone)


def _some(seqs: Sequence[int]) -> Iterable[Sequence[int]]:
    return (seqs[start : start + AT_ONCE] for start in range(0, len(seqs), AT_ONCE))


def _parts_of(job: UUID, seqs: Sequence[int]) -> set[str]:
    """The parts of these events that stand elsewhere."""
    found: set[str] = set()
    for some in _some(seqs):
        bodies = Event.objects.filter(job_id=job, seq__in=some, body__contains=f'"{ASIDE}"')
        for body in bodies.values_list("body", flat=True):
            found |= {digest for _, digest in named(json.loads(body or "{}"))}
    return found


def _derive_again(row: Job, ready: _Prepared) -> None:
    """Write every derived row as the remaining record tells it."""
    state, key = ready.after, row.idempotency_key
    born = any(each.seq == 1 for each in ready.bodies)
    Job.objects.filter(id=row.id).update(
        **job_row(state), goal=canonical(state.goal),
        idempotency_key=erased_key(key) if key is not None and born else key,
    )  # fmt: skip
    for asked in state.calls.values():
        if asked.kind == "approval" and "approval" in asked.info:
            columns = approval_row(state, asked.path)
            Approval.objects.filter(id=asked.info["approval"]).update(**columns)
            gone = Addressee.objects.filter(approval=asked.info["approval"])
            gone.exclude(whom__in=addressees_of(columns)).delete()
    for line, told in ready.lines.items():
        ledger.retell(line, told)
    if state.message is not None:  # what an agent instance keeps, if its state is the one that this job left
        left: dict[str, Any] = dict(state.data.items())
        AgentInstance.objects.filter(id=state.message.instance, kept=state.job).update(state=canonical(left))
