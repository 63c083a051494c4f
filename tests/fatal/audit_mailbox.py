"""The auditor on agent instances: one message at a time, in order, each with the state that the one before it left."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tests.fatal.audit_books import Books, Event, canonical
from tests.fatal.audit_chain import TERMINALS

Turn = dict[str, Any]  # turn, after, state, at


def instances(books: Books) -> Iterator[str]:
    """What is wrong with the turns of each instance."""
    for id in books.instances:
        jobs = [job for job, row in books.jobs.items() if row["instance"] == id]
        turns = {job: turn for job in jobs if (turn := turn_of(books.events[job])) is not None}
        for problem in [*_in_order(books, turns), *_handed_on(books, turns), *_row(books, id, turns)]:
            yield f"agent instance {id}: {problem}"


def turn_of(events: list[Event]) -> Turn | None:
    """When a message got its turn, and what it began with; None while it waits."""
    born = events[0]
    told = born.body["instance"]
    if told.get("turn") is not None:
        return {
            "turn": told["turn"],
            "after": told.get("after"),
            "state": born.body.get("state") or {},
            "at": born.at,
        }
    for event in events:
        if event.kind == "wait_completed" and event.body["kind"] == "agent":
            return {**event.body["value"], "at": event.at}
    return None


def left_by(events: list[Event]) -> dict[str, Any]:
    """The state that a job leaves: what it began with, and every change after it."""
    turn = turn_of(events)
    state = dict(turn["state"]) if turn else {}
    for event in events:
        if event.kind == "reasoning_snapshot":
            for key in event.body["delta"].get("drop", ()):
                state.pop(key, None)
            state |= event.body["delta"].get("set", {})
    return state


def _in_order(books: Books, turns: dict[str, Turn]) -> Iterator[str]:
    line = sorted(turns, key=lambda job: turns[job]["turn"])
    if [turns[job]["turn"] for job in line] != list(range(1, len(line) + 1)):
        yield f"its turns are numbered {[turns[job]['turn'] for job in line]}"
    for before, job in zip(line, line[1:], strict=False):
        end = next((event.at for event in books.events[before] if event.kind in TERMINALS), None)
        if end is None or end > turns[job]["at"]:
            yield f"job {job} has its turn before job {before} has ended"


def _handed_on(books: Books, turns: dict[str, Turn]) -> Iterator[str]:
    for job, turn in turns.items():
        after = turn["after"]
        if after and left_by(books.events[after]) != turn["state"]:
            yield f"job {job} begins with {turn['state']}, job {after} left {left_by(books.events[after])}"


def _row(books: Books, id: str, turns: dict[str, Turn]) -> Iterator[str]:
    row = books.instances[id]
    if row["turn"] != max((turn["turn"] for turn in turns.values()), default=0):
        yield f"its row counts {row['turn']} turns, the events {len(turns)}"
    if row["kept"] and row["state"] != canonical(left_by(books.events[row["kept"]])):
        yield f"its row says {row['state']}, job {row['kept']} left {canonical(left_by(books.events[row['kept']]))}"
