"""A job's record as it lies in the database, read in one snapshot; and the facts and state that it tells."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from hashlib import sha256
from uuid import UUID

from django.db import connection, transaction

from jobs.bodies import ASIDE, parsed
from jobs.core.events import Fact
from jobs.core.evolve import BrokenHistory, evolve
from jobs.core.state import JobState
from jobs.models import Blob, Event

from .proof import Break, Row

# What reading events that somebody has forged, chain and all, may end in.
UNREADABLE = (
    ArithmeticError, AssertionError, AttributeError, BrokenHistory, LookupError, RecursionError, TypeError, ValueError,
)  # fmt: skip
FIELDS = ("seq", "type", "node", "at", "body", "salt", "digest", "prev", "hash")


class Unreadable(BrokenHistory):
    """The event with this number cannot be read, or cannot follow the ones before it."""

    def __init__(self, seq: int, error: Exception) -> None:
        super().__init__(f"event {seq} cannot be read ({type(error).__name__}: {error})")
        self.seq = seq


@contextmanager
def snapshot() -> Iterator[None]:
    """One moment of the database for all queries of the block: a job that runs meanwhile is read whole."""
    if connection.in_atomic_block:  # the caller's own transaction decides
        yield
    elif connection.vendor == "postgresql":
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
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
    return [Row(*row) for row in Event.objects.filter(job_id=job).order_by("seq").values_list(*FIELDS)]


def broken_part(rows: Sequence[Row], tenant: str) -> Break | None:
    """The first part that stands outside its body and is not the one whose digest the body names."""
    named = [(row.seq, name, digest) for row in rows for name, digest in _parts(row)]
    if not named:
        return None
    stored = Blob.objects.filter(tenant=tenant, sha256__in={digest for _, _, digest in named})
    texts = dict(stored.values_list("sha256", "text"))
    for seq, name, digest in named:
        text = texts.get(digest)
        if text is None:
            return Break("changed_body", seq, f"event {seq}: its part {name!r} ({digest[:12]}…) is missing")
        if sha256(text.encode("utf-8", "surrogatepass")).hexdigest() != digest:
            return Break(
                "changed_body", seq, f"event {seq}: its part {name!r} is not the one that its digest names"
            )
    return None


def _parts(row: Row) -> list[tuple[str, str]]:
    if row.body is None or f'"{ASIDE}"' not in row.body:
        return []
    body = json.loads(row.body)
    return [(name, body[name]["sha256"]) for name in body.get(ASIDE, ())]


def facts_of(rows: Sequence[Row], tenant: str) -> list[Fact]:
    """The events with their bodies read and every part put back.

    Raises:
        Unreadable: a body is no JSON, or a part of it is missing.
    """
    seq = 0
    try:
        for row in rows:
            seq = row.seq
            if row.body is not None and not isinstance(json.loads(row.body), dict):
                raise TypeError("its body is no JSON object")
        bodies = parsed([row.body for row in rows], tenant)
    except UNREADABLE as error:
        raise Unreadable(seq, error) from error
    return [
        Fact(type=row.type, node=row.node, body=body, seq=row.seq, at=row.at)
        for row, body in zip(rows, bodies, strict=True)
    ]


def state_of(job: UUID, facts: Sequence[Fact]) -> JobState:
    """What the facts lead to.

    Raises:
        Unreadable: an event lacks what its kind must have, or cannot follow the ones before it.
    """
    state = JobState(job=str(job))
    for fact in facts:
        try:
            state = evolve(state, fact)
        except UNREADABLE as error:
            raise Unreadable(fact.seq, error) from error
    return state
