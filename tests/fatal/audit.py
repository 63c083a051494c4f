"""An auditor that shares no code with the runtime: plain SQL, hashlib, and the counts of the outside world."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from typing import Any
from uuid import UUID

import psycopg

TERMINALS = {"job_completed": "completed", "job_failed": "failed", "job_cancelled": "cancelled"}
AFTERWORDS = {"payload_erased", "world_confirmed", "world_diverged", "job_forked", "late_outcome"}
ANSWERS = {"landed": "landed", "absent": "absent", "fail": "given_up"}
Row = dict[str, Any]


def query(url: str, statement: str) -> list[Row]:
    """The rows of a statement, each as a dict."""
    opened: Any = (
        sqlite3.connect(url.removeprefix("sqlite:///"), timeout=30)
        if url.startswith("sqlite")
        else psycopg.connect(url)
    )
    with closing(opened) as connection:
        cursor = connection.execute(statement)
        names = [column[0] for column in cursor.description]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def text(id: Any) -> str:
    """An id as the API writes it; SQLite keeps it without dashes."""
    return str(UUID(str(id)))


@contextmanager
def writer_stands_aside(url: str) -> Iterator[None]:
    """On SQLite, be the one writer, so that no other process is in the middle of a write."""
    if not url.startswith("sqlite"):
        yield
        return
    with closing(
        sqlite3.connect(url.removeprefix("sqlite:///"), timeout=30, isolation_level=None)
    ) as connection:
        connection.execute("BEGIN IMMEDIATE")
        yield
        connection.execute("ROLLBACK")


def audit(url: str, counts: Mapping[str, int]) -> None:
    """Check every job of a database.

    Args:
        url: the database.
        counts: how often each effect really happened, by idempotency key.

    Raises:
        AssertionError: naming the job and what is wrong with it.
    """
    events: dict[str, list[Row]] = {}
    for event in query(url, "SELECT * FROM aetheris_jobs_event ORDER BY job_id, seq"):
        events.setdefault(text(event["job_id"]), []).append(event)
    jobs = {text(row["id"]): row for row in query(url, "SELECT * FROM aetheris_jobs_job")}
    assert set(jobs) == set(events), "a job without events, or events without a job"
    for job, row in jobs.items():
        problems = [
            *_chain(job, row, events[job]),
            *_order(row, events[job]),
            *_rows(url, job, row, events[job]),
        ]
        problems += _book(url, job, row, events[job], counts)
        assert not problems, f"job {job} ({row['status']}): " + "; ".join(problems)


def _chain(job: str, row: Row, events: list[Row]) -> Iterator[str]:
    last, at = "0" * 64, ""
    for number, event in enumerate(events, start=1):
        if event["seq"] != number:
            yield f"event {number} is numbered {event['seq']}"
        if event["prev"] != last:
            yield f"event {number} does not link to the one before it"
        if (
            hashlib.sha256(bytes.fromhex(event["salt"]) + event["body"].encode()).hexdigest()
            != event["digest"]
        ):
            yield f"event {number}: the body is not what its digest says"
        said = [
            "aetheris.event.v1",
            job,
            number,
            event["type"],
            event["node"],
            event["at"],
            event["digest"],
            last,
        ]
        last = hashlib.sha256(("\n".join(map(str, said)) + "\n").encode()).hexdigest()
        if last != event["hash"]:
            yield f"event {number}: the hash is wrong"
        if event["at"] < at:
            yield f"event {number} is older than the one before it"
        at = event["at"]
    if (row["head_seq"], row["head_hash"]) != (len(events), last):
        yield "the head in the job row is not the last event"


def _order(row: Row, events: list[Row]) -> Iterator[str]:
    kinds = [event["type"] for event in events]
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
    if bool(derived) != (row["finished_at"] is not None):
        yield "finished_at does not tell whether it has ended"


def _rows(url: str, job: str, row: Row, events: list[Row]) -> Iterator[str]:
    steps = [step for step in query(url, "SELECT * FROM aetheris_jobs_step") if text(step["job_id"]) == job]
    ended = row["status"] in TERMINALS.values()
    if ended and steps:
        yield f"it has ended and still has {[step['node'] for step in steps]} on its agenda"
    if not ended and not steps:
        yield "it has not ended and has nothing on its agenda"
    if (row["status"] == "parked") != (json.loads(row["parked_on"]) != []):
        yield f"it is {row['status']}, parked on {row['parked_on']}"
    for step in steps:
        claims = [e["seq"] for e in events if e["type"] == "node_started" and e["node"] == step["node"]]
        if step["state"] == "running" and claims[-1:] != [step["fence"]]:
            yield f"step {step['node']} runs under fence {step['fence']}, its claims are {claims}"


def _book(url: str, job: str, row: Row, events: list[Row], counts: Mapping[str, int]) -> Iterator[str]:
    told = _told(events)
    book = query(url, "SELECT * FROM aetheris_ledger_invocation")
    lines = {text(line["id"]): line for line in book if text(line["job_id"]) == job}
    if set(lines) != set(told):
        yield "ledger and events do not speak of the same calls"
        return
    parked = {each["node"] for each in json.loads(row["parked_on"]) if each["kind"] == "unknown_outcome"}
    for key, line in lines.items():
        if line["state"] != told[key]:
            yield f"call {line['node']} is {line['state']} in the ledger, {told[key]} in the events"
        if line["settled_at"] is None and not (line["state"] == "unknown" and line["node"] in parked):
            yield f"call {line['node']} is {line['state']}, neither settled nor listed"
        if line["effect"] != "pure":
            yield from _effect(row, line, counts.get(line["idempotency_key"], 0))


def _effect(row: Row, line: Row, count: int) -> Iterator[str]:
    if count > 1:
        yield f"the effect of {line['node']} happened {count} times"
    if row["status"] == "completed" and (count, line["state"]) != (1, "landed"):
        yield f"it completed, but {line['node']} is {line['state']} and happened {count} times"


def _told(events: list[Row]) -> dict[str, str]:
    """What the events say of each call."""
    told: dict[str, str] = {}
    for event in events:
        body = json.loads(event["body"])
        if event["type"] == "tool_invocation_started":
            told[body["invocation"]] = "open"
        elif event["type"] == "tool_invocation_finished":
            told[body["invocation"]] = body["status"]
        elif event["type"] == "outcome_unknown":
            told[body["invocation"]] = "unknown"
        elif event["type"] == "outcome_resolved":
            told[body["invocation"]] = ANSWERS[body["verdict"]]
    return told
