"""One link of the access log, and whether a log holds. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from jobs.core.chain import GENESIS, canonical

from ..proof import AT, HEX, Break, Head

FORMAT = "aetheris.access.v1"
COLUMNS = ("who", "user", "action", "question", "job", "outcome")  # what a row repeats of its body


@dataclass(frozen=True, slots=True)
class Entry:
    """One row of the log, exactly as it lies in the table; `repeated` are the columns beside the chain."""

    seq: int
    at: str
    body: str
    digest: str
    prev: str
    hash: str
    repeated: Mapping[str, str]


def body_digest(body: str) -> str:
    """SHA-256 of a stored body."""
    return sha256(body.encode("utf-8", "surrogatepass")).hexdigest()


def link(*, tenant: str, seq: int, at: str, digest: str, prev: str) -> str:
    """Hash of one entry, binding it to its place and to everything before it."""
    fields = [FORMAT, tenant, str(seq), at, digest, prev]
    return sha256(("\n".join(fields) + "\n").encode("utf-8", "surrogatepass")).hexdigest()


def repeated(body: Mapping[str, Any]) -> dict[str, str]:
    """What a row repeats of its body, to be searched."""
    who = body["who"]
    return {
        "who": str(who["name"]),
        "user": str(who["id"]),
        "action": str(body["action"]),
        "question": str(body["question"]),
        "job": str(body["job"]),
        "outcome": str(body["outcome"]),
    }


def walk(tenant: str, entries: Iterable[Entry], after: Head = Head(0, GENESIS)) -> tuple[Head, Break | None]:  # noqa: B008 - a value
    """Follow a log in the order of its numbers.

    Args:
        tenant: whose.
        entries: its rows behind `after`.
        after: the place from which to go on.

    Returns:
        The last place that holds, and the first break, if there is one.
    """
    seq, last, at = after.seq, after.hash, ""
    for entry in entries:
        broken = _place(entry, seq + 1, last, at) or _content(tenant, entry)
        if broken is not None:
            return Head(seq, last), broken
        seq, last, at = entry.seq, entry.hash, entry.at
    return Head(seq, last), None


def against_end(head: Head, seq: int, hash: str) -> Break | None:
    """Whether the walk ended where the head row says that the log ends."""
    if head.seq < seq:
        return Break("missing", head.seq + 1, f"the log should go on to entry {seq}, and ends at {head.seq}")
    if head.seq > seq:
        return Break("extra", seq + 1, f"the log should end at entry {seq}, and goes on to {head.seq}")
    if head.hash != hash:
        return Break("forked_head", seq, f"the last entry, {seq}, has not the hash that the head row names")
    return None


def _place(entry: Entry, expected: int, prev: str, at: str) -> Break | None:
    texts = (entry.at, entry.body, entry.digest, entry.prev, entry.hash)
    if not all(isinstance(each, str) for each in texts):  # SQLite keeps whatever type it is given
        return Break("bad_form", expected, f"entry {expected}: one of its fields is no text")
    if entry.seq > expected:
        return Break("missing", expected, f"entry {expected} is missing; the next one is {entry.seq}")
    if entry.seq < expected:
        return Break("extra", entry.seq, f"entry {entry.seq} stands where {expected} should")
    if entry.prev != prev:
        return Break("changed_header", entry.seq, f"entry {entry.seq} does not name the one before it")
    if not AT.fullmatch(entry.at) or entry.at < at:
        return Break("changed_header", entry.seq, f"entry {entry.seq}: {entry.at!r} is no time after {at!r}")
    return None


def _content(tenant: str, entry: Entry) -> Break | None:
    seq = entry.seq
    if not HEX.fullmatch(entry.digest) or body_digest(entry.body) != entry.digest:
        return Break("changed_body", seq, f"entry {seq}: its body is not the one that its digest names")
    if link(tenant=tenant, seq=seq, at=entry.at, digest=entry.digest, prev=entry.prev) != entry.hash:
        return Break("changed_header", seq, f"entry {seq}: its hash does not follow from it")
    try:
        body = json.loads(entry.body)
        told = repeated(body) if canonical(body) == entry.body else None
    except (ValueError, TypeError, KeyError, RecursionError):
        told = None
    if told is None:
        return Break("bad_form", seq, f"entry {seq}: its body has not the form of an access")
    other = next((name for name in COLUMNS if told[name] != entry.repeated.get(name)), None)
    if other is not None:
        return Break("derived_row", seq, f"entry {seq}: its column {other!r} is not what its body says")
    return None
