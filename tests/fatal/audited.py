"""Books for tests of the auditor: jobs of many kinds in many states, read from a real database, to be broken."""

from __future__ import annotations

import copy
import hashlib
import json
from dataclasses import replace
from typing import Any

import pytest

from jobs import TaskGraph, cancel, create_agent, message_agent, pause, retry, signal, submit
from jobs.core.commands import StartNode
from jobs.store import commit
from jobs.testing import run_until_parked
from ledger import ToolCall, tool
from ledger.models import Invocation
from tests.agents import world
from tests.agents.tools import look, pay, put, send
from tests.engine.driving import a_word, flow, started
from tests.factories import a_worker, person
from tests.fatal import audit
from tests.fatal.audit_books import Books, Event, canonical

PEOPLE: dict[str, Any] = {"groups": ["finance"], "deadline": "1h"}


@flow
def audited_flow(ctx: Any, goal: dict[str, Any]) -> Any:
    """A bit of everything that a workflow has."""
    ctx.state["die"] = ctx.random()
    ctx.gather(ctx.later.tool(send, word=goal["word"]), ctx.later.sleep(3600))
    return ctx.signal("never")


def paid_and_asked() -> str:
    """A payment has landed; a person is asked; a wait and a timer stand open; one payment is unknown."""
    word = a_word()
    world.script(f"{word}-lost", TimeoutError("no answer"))
    g = TaskGraph()
    paid = g.tool("paid", send, word=word)
    ask = g.approval("ask", question="More?", show={"paid": paid}, **PEOPLE)
    g.tool("more", send, word=f"{word}-more", after=[ask])
    g.wait("word", signal="go", deadline="1h")
    g.sleep("rest", 3600)
    g.tool("lost", send, word=f"{word}-lost")
    g.map("wide", put, over=[f"{word}-{index}" for index in range(3)], each={"word": g.item}, concurrency=2)
    g.agent("child", "looker", {"word": word})
    g.output(paid)
    job = started(g)
    run_until_parked(job)
    return job


def shared(word: str) -> str:
    """The same business key again."""
    g = TaskGraph()
    g.output(g.tool("pay", pay, word=word, cents=5))
    job = started(g)
    run_until_parked(job)
    return job


def cast() -> set[str]:
    """Jobs of many kinds in many states."""
    word = a_word()
    jobs = [paid_and_asked(), shared(word), shared(word)]
    flowing = str(submit("audited_flow", {"word": a_word()}, actor=person()))
    run_until_parked(flowing)
    cancelled, paused, claimed = paid_and_asked(), paid_and_asked(), started(TaskGraph.from_json(ONE))
    cancel(cancelled, actor=person())
    pause(paused, actor=person())
    signal(paused, "go", None, id="the word", actor=person())
    worker = a_worker()
    commit(claimed, StartNode("_plan", worker), worker=worker)
    return {
        *jobs,
        undone(),
        *tried_again(),
        *talked(),
        flowing,
        cancelled,
        paused,
        claimed,
        started(TaskGraph.from_json(ONE)),
    }


@tool(name="audited.pay")
def pay_and_undo(word: str, call: ToolCall) -> int:
    """Pay; it can be undone."""
    return world.did(f"{word} {call.idempotency_key}")


@pay_and_undo.compensate
def _undo(call: ToolCall, result: Any) -> int:
    return world.did(f"{call.args['word']} {call.idempotency_key}")


def undone() -> str:
    """Two payments that were undone, because a third step failed."""
    g = TaskGraph()
    first = g.tool("first", pay_and_undo, word=a_word())
    second = g.tool("second", pay_and_undo, word=a_word(), after=[first])
    g.tool("broken", look, word=broken_word(), after=[second], retry={"max_attempts": 1})
    job = str(submit("drawn", {"graph": g.to_json()}, actor=person(), on_failure="compensate"))
    run_until_parked(job)
    return job


def broken_word() -> str:
    """A word that cannot be looked at."""
    word = a_word()
    world.script(word, ValueError("no"))
    return word


def tried_again() -> list[str]:
    """A job that failed after a payment, and its retry."""
    g = TaskGraph()
    paid = g.tool("paid", send, word=a_word())
    g.tool("broken", look, word=broken_word(), after=[paid], retry={"max_attempts": 1})
    job = started(g)
    run_until_parked(job)
    again = str(retry(job, actor=person()))
    run_until_parked(again)
    return [job, again]


@flow
def audited_talk(ctx: Any, goal: dict[str, Any]) -> int:
    """Count the messages."""
    ctx.state["count"] = ctx.state.get("count", 0) + 1
    return int(ctx.state["count"])


def talked() -> list[str]:
    """Three messages to an agent that lives on; the last one waits for its time."""
    instance = create_agent("audited_talk", actor=person())
    jobs = [str(message_agent(instance, {}, actor=person())) for _ in range(2)]
    for job in jobs:
        run_until_parked(job)
    return [*jobs, str(message_agent(instance, {}, not_before="1h", actor=person()))]


ONE = {"format": 1, "nodes": [{"id": "rest", "kind": "sleep", "seconds": 1}]}
_read: dict[str, tuple[Books, dict[str, int]]] = {}


@pytest.fixture
def told(engine_db: str, here: object) -> tuple[Books, dict[str, int]]:
    """Books in order, and how often each effect happened; a copy for each test."""
    if engine_db not in _read:
        roots = cast()
        books = audit.read(engine_db)
        ours = roots | {job for job, row in books.jobs.items() if row["parent_job"] in roots}
        counts = {
            line.idempotency_key: world.times(f"{line.node}") or _happened(line)
            for line in Invocation.objects.filter(job_id__in=ours).exclude(effect="pure")
        }
        _read[engine_db] = only(books, ours), {key: count for key, count in counts.items() if count}
    return copy.deepcopy(_read[engine_db])


def _happened(line: Invocation) -> int:
    word = json.loads(line.args)["word"]
    keyed = world.times(f"{word} {line.idempotency_key}")
    return keyed if line.tool != "pay" else int(line.state == "landed")


def only(books: Books, ours: set[str]) -> Books:
    """The part of the books that is about these jobs."""
    tables = {name: {job: rows for job, rows in getattr(books, name).items() if job in ours}
              for name in ("jobs", "events", "steps", "approvals", "lines")}  # fmt: skip
    spoken_to = {row["instance"] for row in tables["jobs"].values()}
    living = {id: row for id, row in books.instances.items() if id in spoken_to}
    return replace(
        books,
        **tables,
        instances=living,
        deliveries=[row for row in books.deliveries if row["job_id"] in ours],
    )


# --- picking things in the books -----------------------------------------------------------------------


def event(books: Books, kind: str, **body: Any) -> tuple[list[Event], int]:
    """The first event of a kind whose body says this: its stream, and its place there."""
    for events in books.events.values():
        for place, each in enumerate(events):
            if each.kind == kind and all(each.body.get(name) == value for name, value in body.items()):
                return events, place
    raise AssertionError(f"no {kind} with {body} in the cast")


def line(books: Books, **columns: Any) -> dict[str, Any]:
    """The first ledger line with these columns."""
    return row_of(books.lines, columns)


def step(books: Books, **columns: Any) -> dict[str, Any]:
    """The first step with these columns."""
    return row_of(books.steps, columns)


def row_of(table: Any, columns: dict[str, Any]) -> dict[str, Any]:
    """The first row of a table with these columns."""
    rows = [row for found in table.values() for row in found]
    found: dict[str, Any] = next(
        row for row in rows if all(row[name] == value for name, value in columns.items())
    )
    return found


def rechained(events: list[Event]) -> list[Event]:
    """A stream that says something else and links well: only its meaning is wrong."""
    last = "0" * 64
    told = []
    for seq, each in enumerate(events, start=1):
        body = canonical(each.body)
        digest = hashlib.sha256(bytes.fromhex(each.row["salt"]) + body.encode()).hexdigest()
        said = [
            "aetheris.event.v1",
            each.row["job_id"],
            str(seq),
            each.kind,
            each.node,
            each.at,
            digest,
            last,
        ]
        hashed = hashlib.sha256(("\n".join(said) + "\n").encode()).hexdigest()
        row = {**each.row, "seq": seq, "body": body, "digest": digest, "prev": last, "hash": hashed}
        told.append(replace(each, seq=seq, row=row))
        last = hashed
    return told


def replaced(books: Books, events: list[Event]) -> None:
    """Put a stream into the books, with a head that fits."""
    job = events[0].row["job_id"]
    books.events[job] = told = rechained(events)  # type: ignore[index]
    books.jobs[job]["head_seq"], books.jobs[job]["head_hash"] = len(told), told[-1].row["hash"]
