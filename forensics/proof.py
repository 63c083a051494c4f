"""Does each event follow from the last? Pure: needs the stored rows and nothing else (contract: the chain)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from jobs.core.chain import GENESIS, body_digest, link

EVENTS = "aetheris_jobs_event"
JOBS = "aetheris_jobs_job"
AT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{6}Z")
TYPE = re.compile(r"[a-z][a-z_]{0,39}")
NODE = re.compile(r"([A-Za-z0-9_][A-Za-z0-9_.-]{0,119}(/[A-Za-z0-9_.-]{1,127})*)?")
SALT = re.compile(r"[0-9a-f]{32}")
HEX = re.compile(r"[0-9a-f]{64}")
# What a break may be; docs/verification.md says what each means.
KINDS = (
    "missing", "extra", "reordered", "changed_header", "changed_body", "forked_head", "bad_form", "derived_row",
    "ledger_line", "provenance", "unreadable", "orphan", "rewritten_history", "broken_log", "tombstone", "hold",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Row:
    """A stored event, exactly as it lies in the table; and beside an erased one what a later event says of it."""

    seq: int
    type: str
    node: str
    at: str
    body: str | None
    salt: str | None
    digest: str
    prev: str
    hash: str
    legible: Mapping[str, Any] | None = None  # of an erased event: what a later one says of it


@dataclass(frozen=True, slots=True)
class Break:
    """The first place where the record is not what was written.

    Args:
        kind: one of `KINDS`.
        seq: number of the event there, or of the event that says otherwise than a row.
        message: what was found, for people.
        table: where it was found; empty where the place is said otherwise.
        row: which row: its key; of an event its number, of a step its node.
        column: which column, where one can be named.
    """

    kind: str
    seq: int
    message: str
    table: str = ""
    row: str = ""
    column: str = ""

    def to_json(self) -> dict[str, object]:
        place = {"table": self.table, "row": self.row, "column": self.column} if self.table else {}
        return {"kind": self.kind, "seq": self.seq, "message": self.message, **place}


@dataclass(frozen=True, slots=True)
class Head:
    """Where the walk along the chain ended."""

    seq: int
    hash: str


def walk(job: str, rows: Iterable[Row], after: Head = Head(0, GENESIS)) -> tuple[Head, Break | None]:
    """Follow the chain from its first event, or from a place on it.

    Args:
        job: the job's id.
        rows: its events behind `after`, in the order of their numbers; not read beyond the first break.
        after: the place from which to go on.

    Returns:
        The last place that holds, and the first break, if there is one.
    """
    seq, last = after.seq, after.hash
    for row in rows:
        broken = check(job, row, seq + 1, last)
        if broken is not None:
            return Head(seq, last), broken
        seq, last = row.seq, row.hash
    if seq == 0:
        return Head(0, GENESIS), no_events(job)
    return Head(seq, last), None


def no_events(job: str) -> Break:
    """The break of a job without any event."""
    return event_break("missing", 1, f"job {job} has no events")


def event_break(kind: str, seq: int, message: str, column: str = "", *, row: int | None = None) -> Break:
    """A break at a stored event; `row` is the number under which it stands, where that is another."""
    return Break(kind, seq, message, EVENTS, str(seq if row is None else row), column)


def against_head(head: Head, seq: int, hash: str, job: str = "") -> Break | None:
    """Whether the walk ended where the job's own row says that its stream ends.

    Args:
        head: where the walk ended.
        seq: the number that the job row holds.
        hash: the hash that it holds.
        job: its id.
    """
    if head.seq < seq:
        return event_break(
            "missing",
            head.seq + 1,
            f"the job row says its head is event {seq}, the stream ends at {head.seq}",
        )
    if head.seq > seq:
        return event_break(
            "extra", seq + 1, f"the job row says its head is event {seq}, the stream goes on to {head.seq}"
        )
    if head.hash != hash:
        message = (
            f"the job row says event {seq} has the hash {hash[:12]}…, in the stream it has {head.hash[:12]}…"
        )
        return Break("forked_head", seq, message, JOBS, job, "head_hash")
    return None


def check(job: str, row: Row, expected: int, last: str) -> Break | None:
    """What is wrong with one event, if anything.

    Args:
        job: the job's id.
        row: the event.
        expected: the number that it should have.
        last: hash of the event before it.
    """
    if not isinstance(row.seq, int):
        return event_break(
            "bad_form", expected, f"event {expected} is expected; {row.seq!r} is no number", "seq"
        )
    if row.seq != expected:
        kind = "missing" if row.seq > expected else "extra"
        message = f"event {expected} is expected, event {row.seq} is there"
        return event_break(kind, expected, message, "seq", row=row.seq)
    bad = _form(row)
    if bad is not None:
        return event_break("bad_form", row.seq, f"event {row.seq}: {bad} has not its exact form", bad)
    if (row.body is None) != (row.salt is None):
        message = f"event {row.seq}: body and salt are erased together or not at all"
        return event_break("changed_body", row.seq, message, "body" if row.body is None else "salt")
    if row.body is not None and row.salt is not None and not _commits(row.salt, row.body, row.digest):
        message = f"event {row.seq}: the body is not the one that its digest commits to"
        return event_break("changed_body", row.seq, message, _of_body(job, row, row.salt, row.body))
    if row.prev != last:
        message = f"event {row.seq} does not link to event {row.seq - 1}"
        return event_break("changed_header", row.seq, message, "prev")
    if hash_at(job, row, row.seq) != row.hash:
        message = f"event {row.seq}: type, node, time, digest or link were changed"
        return event_break("changed_header", row.seq, message)
    return None


def hash_at(job: str, row: Row, seq: int) -> str:
    """The hash that an event would have under some number."""
    return link(job=job, seq=seq, type=row.type, node=row.node, at=row.at, digest=row.digest, prev=row.prev)


def _of_body(job: str, row: Row, salt: str, body: str) -> str:
    """Which column is not the one that was written: the hash still binds the digest."""
    if body.isascii() and hash_at(job, replace(row, digest=body_digest(salt, body)), row.seq) == row.hash:
        return "digest"
    return "body"


def _commits(salt: str, body: str, digest: str) -> bool:
    return body.isascii() and body_digest(salt, body) == digest


def _form(row: Row) -> str | None:
    fields = (
        ("at", AT, row.at), ("type", TYPE, row.type), ("node", NODE, row.node), ("digest", HEX, row.digest),
        ("prev", HEX, row.prev), ("hash", HEX, row.hash),
    )  # fmt: skip
    for name, pattern, value in fields:
        if not _fits(pattern, value):
            return name
    if row.salt is not None and not _fits(SALT, row.salt):
        return "salt"
    if row.body is not None and not isinstance(row.body, str):
        return "body"
    return None


def _fits(pattern: re.Pattern[str], value: object) -> bool:
    """SQLite keeps whatever type it is given; what is no text has no text's form."""
    return isinstance(value, str) and pattern.fullmatch(value) is not None
