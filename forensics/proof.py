"""Does each event follow from the last? Pure: needs the stored rows and nothing else (contract: the chain)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from jobs.core.chain import GENESIS, body_digest, link

AT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{6}Z")
TYPE = re.compile(r"[a-z][a-z_]{0,39}")
NODE = re.compile(r"([A-Za-z0-9_][A-Za-z0-9_.-]{0,119}(/[A-Za-z0-9_.-]{1,127})*)?")
SALT = re.compile(r"[0-9a-f]{32}")
HEX = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Row:
    """A stored event, exactly as it lies in the table."""

    seq: int
    type: str
    node: str
    at: str
    body: str | None
    salt: str | None
    digest: str
    prev: str
    hash: str


@dataclass(frozen=True, slots=True)
class Break:
    """The first place where the record is not what was written.

    `kind`: missing, extra, changed_header, changed_body, forked_head, bad_form, derived_row, ledger_line, provenance,
    unreadable.
    """

    kind: str
    seq: int
    message: str

    def to_json(self) -> dict[str, object]:
        return {"kind": self.kind, "seq": self.seq, "message": self.message}


@dataclass(frozen=True, slots=True)
class Head:
    """Where the walk along the chain ended."""

    seq: int
    hash: str


def walk(job: str, rows: Iterable[Row]) -> tuple[Head, Break | None]:
    """Follow the chain from its first event.

    Args:
        job: the job's id.
        rows: its events in the order of their numbers.

    Returns:
        The last place that holds, and the first break, if there is one.
    """
    seq, last = 0, GENESIS
    for row in rows:
        broken = _check(job, row, seq + 1, last)
        if broken is not None:
            return Head(seq, last), broken
        seq, last = row.seq, row.hash
    if seq == 0:
        return Head(0, GENESIS), Break("missing", 1, f"job {job} has no events")
    return Head(seq, last), None


def against_head(head: Head, seq: int, hash: str) -> Break | None:
    """Whether the walk ended where the job's own row says that its stream ends.

    Args:
        head: where the walk ended.
        seq: the number that the job row holds.
        hash: the hash that it holds.
    """
    if head.seq < seq:
        return Break(
            "missing",
            head.seq + 1,
            f"the job row says its head is event {seq}, the stream ends at {head.seq}",
        )
    if head.seq > seq:
        return Break(
            "extra", seq + 1, f"the job row says its head is event {seq}, the stream goes on to {head.seq}"
        )
    if head.hash != hash:
        return Break("forked_head", seq, f"the job row says event {seq} has the hash {hash[:12]}…, in the stream it "
                     f"has {head.hash[:12]}…")  # fmt: skip
    return None


def _check(job: str, row: Row, expected: int, last: str) -> Break | None:
    if row.seq != expected:
        kind = "missing" if row.seq > expected else "extra"
        return Break(kind, expected, f"event {expected} is expected, event {row.seq} is there")
    bad = _form(row)
    if bad is not None:
        return Break("bad_form", row.seq, f"event {row.seq}: {bad} has not its exact form")
    if (row.body is None) != (row.salt is None):
        return Break(
            "changed_body", row.seq, f"event {row.seq}: body and salt are erased together or not at all"
        )
    if row.body is not None and row.salt is not None and not _commits(row.salt, row.body, row.digest):
        return Break(
            "changed_body", row.seq, f"event {row.seq}: the body is not the one that its digest commits to"
        )
    if row.prev != last:
        return Break("changed_header", row.seq, f"event {row.seq} does not link to event {row.seq - 1}")
    computed = link(
        job=job, seq=row.seq, type=row.type, node=row.node, at=row.at, digest=row.digest, prev=row.prev
    )
    if computed != row.hash:
        return Break(
            "changed_header", row.seq, f"event {row.seq}: type, node, time, digest or link were changed"
        )
    return None


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
