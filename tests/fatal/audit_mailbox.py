"""The auditor follows agent instances: one job at a time, each with the state that the one before it left."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from tests.fatal.audit_books import Books, Event, Row, canonical

Turn = dict[str, Any]


def columns(events: list[Event], *, ended: bool, phase: str) -> Row:
    """What the row of a job says of the instance that it is a message to."""
    told = events[0].body.get("instance")
    if told is None:
        return {"instance": None, "line_at": None, "turn": None}
    turn = turn_of(events)
    waits = turn is None and not ended and phase == "open"
    return {
        "instance": told["id"], "line_at": told["due"] if waits else None, "turn": turn["turn"] if turn else None,
    }  # fmt: skip


def turn_of(events: list[Event]) -> Turn | None:
    """What a job was told with its turn: the number, the job before it, the state."""
    born = events[0].body
    if "turn" in born.get("instance", {}):
        return {**born["instance"], "state": born["state"]}
    for event in events:
        if event.kind == "wait_completed" and event.body["kind"] == "agent":
            told: Turn = event.body["value"]
            return told
    return None


def left_by(events: list[Event], state: dict[str, Any]) -> dict[str, Any]:
    """The state that a job leaves that began with this one."""
    left = dict(state)
    for event in events:
        delta = event.body.get("delta") if event.kind == "reasoning_snapshot" else None
        for key in (delta or {}).get("drop", ()):
            left.pop(key, None)
        left |= (delta or {}).get("set", {})
    return left


def instances(books: Books) -> Iterator[str]:
    """What is wrong with agent instances."""
    jobs: dict[str, list[Row]] = {}
    for job in books.jobs.values():
        if job["instance"] is not None:
            jobs.setdefault(job["instance"], []).append(job)
    for key in sorted(set(jobs) - set(books.instances)):
        yield f"agent instance {key} does not exist, but has jobs"
    for key, row in books.instances.items():
        mine = jobs.get(key, [])
        for problem in (*_turns(row, mine, books), *_line(row, mine, books)):
            yield f"agent instance {key}: {problem}"


def _turns(row: Row, jobs: list[Row], books: Books) -> Iterator[str]:
    """Its jobs, turn after turn, and what they leave in the row."""
    turns = [(turn, job) for job in jobs if (turn := turn_of(books.events[job["id"]])) is not None]
    turns.sort(key=lambda pair: pair[0]["turn"])
    state, kept, last, at_work = json.loads(row["initial"]), None, None, None
    for number, (turn, job) in enumerate(turns, start=1):
        if turn["turn"] != number:
            yield f"job {job['id']} has turn {turn['turn']}, it is the {number}. that had one"
        if at_work is not None:
            yield f"job {job['id']} has begun beside job {at_work}, which has not ended"
        if (turn["after"], turn["state"]) != (kept, state):
            yield f"job {job['id']} goes on from {turn['after']} with {turn['state']}; {kept} left {state}"
        if job["finished_at"] is None:
            at_work = job["id"]
            continue
        last = job["id"]
        if job["status"] == "completed":
            state, kept = left_by(books.events[job["id"]], state), job["id"]
    called = [row["current"]] if at_work is None and _owed(books, "turn", row["current"]) else []
    wanted = {"state": canonical(state), "kept": kept, "last_job": last, "turn": len(turns) + len(called),
              "current": called[0] if called else at_work}  # fmt: skip
    for name, value in wanted.items():
        if row[name] != value:
            yield f"{name} is {row[name]!r:.200}, the events of its jobs say {value!r:.200}"


def _line(row: Row, jobs: list[Row], books: Books) -> Iterator[str]:
    """Who waits is called by somebody: the end of the one at work, its own time, or a person who resumes."""
    if row["current"] is not None or row["paused_at"] is not None:
        return
    word = "cancel" if row["deleted_at"] is not None else "call_up"
    for job in jobs:
        if job["line_at"] is not None and not _owed(books, word, job["id"]):
            yield f"job {job['id']} waits in the line, and nothing will ever call it up"


def _owed(books: Books, command: str, job: str | None) -> bool:
    return any((each.get("command"), each["job_id"]) == (command, job) for each in books.deliveries)
