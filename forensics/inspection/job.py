"""One job: its chain, then every derived row against the fold of its events. A few events are held at once."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from jobs.core.chain import GENESIS
from jobs.core.errors import Invalid
from jobs.core.events import Fact
from jobs.core.state import JobState
from jobs.models import Event, Job

from .. import books, record
from ..accounts import Account
from ..log.memory import Memory, memories
from ..proof import Break, Head, Row, against_head, check, event_break, no_events
from .displaced import placed


@dataclass(frozen=True)
class Found:
    """What the look at a job has found.

    Args:
        job: its id.
        tenant: whose it is, as its row says.
        events: how many events hold.
        head: the last place of the chain that holds.
        broken: the first break.
        pending: calls of which the events tell no end yet.
    """

    job: str
    tenant: str
    events: int
    head: Head
    broken: Break | None
    pending: Sequence[Mapping[str, Any]] = ()

    @property
    def ok(self) -> bool:
        return self.broken is None


def inspect(job_id: UUID | str) -> Found:
    """Look at a whole job, in one snapshot of the database. Repairs nothing.

    Raises:
        Job.DoesNotExist: there is no such job.
    """
    with record.snapshot():
        return _looked_at(Job.objects.get(id=job_id))


def inspect_many(job_ids: Sequence[UUID]) -> list[Found]:
    """Look at several small jobs in one snapshot, with as many queries as one takes.

    Returns:
        What was found, in the order of the ids; nothing of those that do not exist.
    """
    with record.snapshot():
        jobs = Job.objects.in_bulk(job_ids)
        shelf = books.shelf_of(list(jobs))
        streams = {job: (tenants, rows) for job, tenants, rows in record.streams_of(list(jobs))}
        nothing: tuple[dict[str, int], list[Row]] = ({}, [])
        logged = memories(list(jobs))
        return [
            _looked_at(jobs[job], *streams.get(job, nothing), shelf=shelf, memory=logged[job])
            for job in job_ids
            if job in jobs
        ]


def _looked_at(
    job: Job,
    tenants: dict[str, int] | None = None,
    rows: Iterable[Row] | None = None,
    shelf: books.Shelf | None = None,
    memory: Memory | None = None,
) -> Found:
    memory = memory or memories([job.id])[job.id]
    walk = _Walk(job, account=Account(tenants=tenants if tenants is not None else {}), memory=memory)
    walk.go(iter(rows) if rows is not None else record.stream_of(job.id, tenants=walk.account.tenants))
    broken = (
        walk.broken
        or against_head(walk.head, job.head_seq, job.head_hash, str(job.id))
        or walk.remembered()
        or walk.derived(shelf)
    )
    return Found(str(job.id), job.tenant, walk.head.seq, walk.head, broken, walk.account.pending())


def derived_break(job: Job) -> Break | None:
    """The first break of a job whatever its kind, within the caller's own snapshot."""
    return _looked_at(job).broken


def inspect_range(job_id: UUID | str, after: int, until: int | None = None) -> Found:
    """Look at the chain of a part of a job's events; derived rows follow from all of them, and are not looked at.

    Args:
        job_id: the job.
        after: number of the event behind which to begin; its stored hash is taken for granted.
        until: number of the last event; None for the end, which is held against the job row.

    Raises:
        Job.DoesNotExist: there is no such job.
        Invalid: the job has no such events.
    """
    with record.snapshot():
        job = Job.objects.get(id=job_id)
        if after > job.head_seq or (until is not None and until <= after):
            raise Invalid(f"job {job.id} has events 1 to {job.head_seq}, and none after {after} until {until}",
                          code="no_such_events")  # fmt: skip
        walk = _Walk(job, start=_place(job, after), fold=False, memory=memories([job.id])[job.id])
        walk.go(record.stream_of(job.id, after, until))
        broken = walk.broken
        if broken is None and until is not None and walk.head.seq < min(until, job.head_seq):
            broken = event_break("missing", walk.head.seq + 1, f"the stream ends at event {walk.head.seq}")
        broken = broken or walk.memory.broken
        if broken is None and (until is None or until >= job.head_seq):
            broken = against_head(walk.head, job.head_seq, job.head_hash, str(job.id)) or walk.remembered()
    return Found(str(job.id), job.tenant, walk.head.seq - after, walk.head, broken)


def _tenant(first: Row, fallback: str) -> str:
    said = dict(first.legible) if first.legible is not None else json.loads(first.body or "{}")
    return str(said.get("tenant", fallback))


def _place(job: Job, seq: int) -> Head:
    hash = Event.objects.filter(job_id=job.id, seq=seq).values_list("hash", flat=True).first()
    return Head(seq, hash or GENESIS)


@dataclass
class _Walk:
    """Follows the chain and, as long as that can be done, folds the events on the way."""

    job: Job
    start: Head | None = None
    fold: bool = True
    broken: Break | None = None
    unread: Break | None = None  # why the fold has stopped
    account: Account = field(default_factory=Account)
    memory: Memory = field(default_factory=lambda: Memory(""))

    def __post_init__(self) -> None:
        self.head = self.start or Head(0, GENESIS)
        self.state = JobState(job=str(self.job.id))
        self.tenant = self.job.tenant

    def go(self, rows: Iterator[Row]) -> None:
        """Follow the chain to its end, or to the first break."""
        for some in record.in_batches(rows):
            held = list(self._linked(some))
            if self.fold and self.unread is None and held:
                self._take(held)
            if self.broken is not None:
                return
        if self.head.seq == 0:
            self.broken = no_events(str(self.job.id))

    def _linked(self, rows: list[Row]) -> Iterator[Row]:
        name = str(self.job.id)
        for row in rows:
            broken = check(name, row, self.head.seq + 1, self.head.hash)
            if broken is None and row.body is None and row.legible is None:
                message = f"event {row.seq}: its body is gone, and no event says that it was erased"
                self.broken = event_break("changed_body", row.seq, message, "body")
                return
            if broken is not None:
                self.broken = placed(name, broken, self.head, row, self._headers)
                return
            self.head = Head(row.seq, row.hash)
            self.memory.see(row.seq, row.hash)
            yield row

    def _headers(self) -> Iterator[Row]:
        names = [name for name in record.FIELDS if name not in ("body", "salt")]
        rows = Event.objects.filter(job_id=self.job.id).order_by("seq").values_list(*names)
        for seq, type, node, at, digest, prev, hash in rows.iterator(record.BATCH):
            yield Row(seq, type, node, at, None, None, digest, prev, hash)

    def _take(self, rows: list[Row]) -> None:
        try:
            if rows[0].seq == 1:
                self.tenant = _tenant(rows[0], self.job.tenant)
            facts, self.unread = record.read(rows, self.tenant)
            for fact in facts:
                self.state = record.following(self.state, fact)
                self._account(fact)
        except record.Unreadable as error:
            self.unread = event_break("unreadable", error.seq, str(error), "body")
        except record.UNREADABLE as error:
            self.unread = self._no_state(rows[0].seq, error)

    def _account(self, fact: Fact) -> None:
        try:
            self.account.take(self.state, fact)
        except record.UNREADABLE as error:
            raise record.Unreadable(fact.seq, error) from error

    def _no_state(self, seq: int, error: Exception) -> Break:
        message = f"the events, whole as their chain is, lead to no state: {type(error).__name__}: {error}"
        return event_break("unreadable", seq, message)

    def remembered(self) -> Break | None:
        """Where the chain, whole as it is, is not the one that was logged."""
        self.memory.end(self.head.seq)
        return self.memory.broken

    def derived(self, shelf: books.Shelf | None) -> Break | None:
        """The first derived row that is not what the events, whose chain holds, say."""
        if self.unread is not None:
            return self.unread
        try:
            return books.compare(self.job, self.state, self.account, shelf)
        except record.UNREADABLE as error:
            return self._no_state(self.head.seq, error)
