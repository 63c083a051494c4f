"""The auditor on one stream: numbers without a gap, an unbroken chain, one end, and only afterwords behind it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

from tests.fatal.audit_books import Event, Row

TERMINALS = {"job_completed": "completed", "job_failed": "failed", "job_cancelled": "cancelled"}
AFTERWORDS = {"payload_erased", "world_confirmed", "world_diverged", "job_forked", "late_outcome"}
_NOTHING_BEFORE = "0" * 64


def chain(job: str, row: Row, events: list[Event]) -> Iterator[str]:
    """What is wrong with the links of a stream."""
    last, at = _NOTHING_BEFORE, ""
    for number, event in enumerate(events, start=1):
        if event.seq != number:
            yield f"event {number} is numbered {event.seq}"
            return
        if event.row["prev"] != last:
            yield f"event {number} does not link to the one before it"
        if event.row["body"] is None and event.body == {"erased": True}:
            yield f"event {number}: its body is gone, and no event says that it was erased"
        if event.row["body"] is not None and _digest(event) != event.row["digest"]:
            yield f"event {number}: the body is not what its digest says"
        last = _hash(job, event, last)
        if last != event.row["hash"]:
            yield f"event {number}: the hash is wrong"
        if event.at < at:
            yield f"event {number} is older than the one before it"
        at = event.at
    if (row["head_seq"], row["head_hash"]) != (len(events), last):
        yield "the head in the job row is not the last event"


def order(row: Row, events: list[Event]) -> Iterator[str]:
    """What is wrong with its beginning and its end."""
    kinds = [event.kind for event in events]
    if kinds.count("job_created") != 1 or kinds[0] != "job_created":
        yield "job_created is not the one first event"
    ends = [number for number, kind in enumerate(kinds) if kind in TERMINALS]
    if len(ends) > 1:
        yield f"{len(ends)} terminal events"
    if ends and (late := set(kinds[ends[0] + 1 :]) - AFTERWORDS):
        yield f"after the end came {sorted(late)}"
    derived = TERMINALS[kinds[ends[0]]] if ends else ""
    if (derived or row["status"]) != row["status"] or (not derived and row["status"] in TERMINALS.values()):
        yield f"the row says {row['status']}, the events say {derived or 'not ended'}"


def _digest(event: Event) -> str:
    return hashlib.sha256(bytes.fromhex(event.row["salt"]) + event.row["body"].encode()).hexdigest()


def _hash(job: str, event: Event, last: str) -> str:
    said = [
        "aetheris.event.v1",
        job,
        str(event.seq),
        event.kind,
        event.node,
        event.at,
        event.row["digest"],
        last,
    ]
    return hashlib.sha256(("\n".join(said) + "\n").encode()).hexdigest()
