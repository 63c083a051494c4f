"""A job's record as it lies in the database, read in one snapshot; and the facts and state that it tells."""

from __future__ import annotations

import json
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from hashlib import sha256
from itertools import groupby, islice
from operator import itemgetter
from typing import Any
from uuid import UUID

from django.apps import apps
from django.db import connection, transaction

from jobs.bodies import fill, named, stored_parts, told_of
from jobs.core.events import Fact
from jobs.core.evolve import BrokenHistory, evolve
from jobs.core.state import JobState
from jobs.models import Blob, Event, Job

from .proof import Break, Row

# What reading events that somebody has forged, chain and all, may end in.
UNREADABLE = (
    ArithmeticError, AssertionError, AttributeError, BrokenHistory, LookupError, RecursionError, TypeError, ValueError,
)  # fmt: skip
FIELDS = ("seq", "type", "node", "at", "body", "salt", "digest", "prev", "hash")
BATCH = 500  # events that are held at once
THINKING = "10min"  # what a reader may take between two looks at one moment of the database
BLOBS = Blob._meta.db_table


class Unreadable(BrokenHistory):
    """The event with this number cannot be read, or cannot follow the ones before it."""

    def __init__(self, seq: int, error: Exception) -> None:
        super().__init__(f"event {seq} cannot be read ({type(error).__name__}: {error})")
        self.seq = seq


def pruned(job: UUID) -> bool:
    """Whether a tombstone says that the job was taken out of the database on purpose."""
    try:
        name = "aetheris_jobs.Tombstone"
        tombstones: Any = apps.get_model(name)
    except LookupError:
        return False
    return bool(tombstones.objects.filter(job_id=job).exists())


@contextmanager
def snapshot() -> Iterator[None]:
    """One moment of the database for all queries of the block: a job that runs meanwhile is read whole."""
    if connection.in_atomic_block:  # the caller's own transaction decides
        yield
    elif connection.vendor == "postgresql":
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            # It keeps no row locked, so whoever thinks long about what was read may (the profile's limit is 10 s).
            cursor.execute(f"SET LOCAL idle_in_transaction_session_timeout = '{THINKING}'")
            yield
    else:
        with _deferred():
            yield


@contextmanager
def _deferred() -> Iterator[None]:
    """A reader's transaction of SQLite: `atomic` would begin a writer's, and keep the workers waiting."""
    with connection.cursor() as cursor:
        cursor.execute("BEGIN DEFERRED")
    try:
        yield
    finally:
        if connection.connection is not None and connection.connection.in_transaction:
            connection.connection.rollback()


def rows_of(job: UUID) -> list[Row]:
    """The stored events of a job, in the order of their numbers."""
    return list(stream_of(job))


def stream_of(
    job: UUID, after: int = 0, until: int | None = None, tenants: dict[str, int] | None = None
) -> Generator[Row, None, None]:
    """The same, a few at a time.

    Args:
        job: its id.
        after: number behind which to begin; 0 for everything, also what has a number that no event should have.
        until: number of the last one; None for all.
        tenants: takes each tenant that stands in a row, with the number of the first one.
    """
    rows = Event.objects.filter(job_id=job)
    if after:
        rows = rows.filter(seq__gt=after)
    if until is not None:
        rows = rows.filter(seq__lte=until)
    told = _Told(job)
    for tenant, *row in rows.order_by("seq").values_list("tenant", *FIELDS).iterator(BATCH):
        if tenants is not None and tenant not in tenants:
            tenants[tenant] = row[0]
        yield told.beside(Row(*row))


def streams_of(jobs: Sequence[UUID]) -> Iterator[tuple[UUID, dict[str, int], list[Row]]]:
    """The events of several small jobs, in one query: each job with the tenants that stand in its rows, and its events."""
    rows = Event.objects.filter(job_id__in=jobs).order_by("job_id", "seq")
    stored = rows.values_list("job_id", "tenant", *FIELDS).iterator(BATCH)
    for job, some in groupby(stored, key=itemgetter(0)):
        tenants: dict[str, int] = {}
        events, told = [], _Told(job)
        for _, tenant, *row in some:
            tenants.setdefault(tenant, row[0])
            events.append(told.beside(Row(*row)))
        yield job, tenants, events


@dataclass
class _Told:
    """What the later events of a job say of those that were erased; looked for at the first of them."""

    job: UUID
    known: dict[int, tuple[str, dict[str, Any]]] | None = None

    def beside(self, row: Row) -> Row:
        """An erased event with what stays legible of it; any other as it is."""
        if row.body is not None:
            return row
        if self.known is None:
            self.known = self._read()
        digest, legible = self.known.get(row.seq, ("", None))
        return replace(row, legible=legible if digest == row.digest else None)

    def _read(self) -> dict[int, tuple[str, dict[str, Any]]]:
        tenant = Job.objects.filter(id=self.job).values_list("tenant", flat=True).first() or ""
        try:
            return told_of(self.job, tenant)
        except UNREADABLE:
            return {}


def in_batches(rows: Iterable[Row]) -> Iterator[list[Row]]:
    """Events in lists of at most `BATCH`."""
    turn = iter(rows)
    while some := list(islice(turn, BATCH)):
        yield some


def read(rows: Sequence[Row], tenant: str) -> tuple[list[Fact], Break | None]:
    """Events with their bodies read and every part put back, up to the first that has a part which is not its own.

    Args:
        rows: as they are stored.
        tenant: whose parts.

    Raises:
        Unreadable: a body is no JSON object.
    """
    bodies = [_object(row) for row in rows]
    wanted = [
        (row.seq, name, digest)
        for row, body in zip(rows, bodies, strict=True)
        for name, digest in _parts(row, body)
    ]
    parts = stored_parts((digest for _, _, digest in wanted), tenant)
    broken = _broken_part(wanted, parts)
    facts = []
    for row, body in zip(rows, bodies, strict=True):
        if broken is not None and row.seq >= broken.seq:
            break
        fill(body, parts)
        facts.append(Fact(type=row.type, node=row.node, body=body, seq=row.seq, at=row.at))
    return facts, broken


def _object(row: Row) -> dict[str, Any]:
    """A stored body read; of an erased one what stays legible, with `"erased": true`."""
    if row.body is None:
        if row.legible is None:
            raise Unreadable(row.seq, LookupError("its body is gone, and no event says that it was erased"))
        return dict(row.legible)
    try:
        body = json.loads(row.body)
        if not isinstance(body, dict):
            raise TypeError("its body is no JSON object")
    except UNREADABLE as error:
        raise Unreadable(row.seq, error) from error
    return body


def _parts(row: Row, body: dict[str, Any]) -> list[tuple[str, str]]:
    try:
        return named(body)
    except UNREADABLE as error:
        raise Unreadable(row.seq, error) from error


def _broken_part(wanted: Sequence[tuple[int, str, str]], parts: dict[str, str]) -> Break | None:
    """The first part that stands outside its body and is not the one whose digest the body names."""
    whole = {
        digest
        for digest, text in parts.items()
        if sha256(text.encode("utf-8", "surrogatepass")).hexdigest() == digest
    }
    for seq, name, digest in wanted:
        if digest not in parts:
            message = f"event {seq}: its part {name!r} ({digest[:12]}…) is missing"
            return Break("changed_body", seq, message, BLOBS, digest)
        if digest not in whole:
            message = f"event {seq}: its part {name!r} is not the one that its digest names"
            return Break("changed_body", seq, message, BLOBS, digest, "text")
    return None


def facts_of(rows: Sequence[Row], tenant: str) -> list[Fact]:
    """The events with their bodies read and every part put back.

    Raises:
        Unreadable: a body is no JSON object, or a part of one is missing or another.
    """
    facts, broken = read(rows, tenant)
    if broken is not None:
        raise Unreadable(broken.seq, LookupError(broken.message))
    return facts


def state_of(job: UUID, facts: Iterable[Fact]) -> JobState:
    """What the facts lead to.

    Raises:
        Unreadable: an event lacks what its kind must have, or cannot follow the ones before it.
    """
    state = JobState(job=str(job))
    for fact in facts:
        state = following(state, fact)
    return state


def following(state: JobState, fact: Fact) -> JobState:
    """What one more event leads to.

    Raises:
        Unreadable: it lacks what its kind must have, or cannot follow.
    """
    try:
        return evolve(state, fact)
    except UNREADABLE as error:
        raise Unreadable(fact.seq, error) from error


def folded(job: UUID, tenant: str) -> JobState:
    """What the stored events of a job lead to, a few at a time.

    Raises:
        Unreadable: one of them cannot be read, or cannot follow.
    """
    return state_of(job, (fact for some in in_batches(stream_of(job)) for fact in facts_of(some, tenant)))


__all__ = [
    "BATCH", "FIELDS", "UNREADABLE", "Unreadable", "facts_of", "folded", "following", "in_batches", "pruned", "read", "rows_of",
    "snapshot", "state_of", "stream_of",
    "streams_of",
]  # fmt: skip
