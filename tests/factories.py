"""Toy workers, jobs and claims for tests of the engine: real rows, written through the door."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any
from uuid import uuid4

from jobs import TaskGraph, clock, knocks, store
from jobs.core.commands import Actor, AdoptPlan, Command, CreateJob, Outcome, Promise, StartNode, Tell
from jobs.core.ids import idempotency_key
from jobs.core.moments import plus, text
from jobs.core.state import PLAN_STEP, JobState
from jobs.models import Job, Worker
from jobs.services.submitting import new_id

EVERYTHING = frozenset({"submit", "signal", "control", "resolve", "hold", "erase", "prune"})
RETRY = {"max_attempts": 3, "backoff": 1.0, "jitter": 0.0}


def person(name: str = "ann", *, tenant: str = "default", groups: tuple[str, ...] = ("finance",)) -> Actor:
    """Somebody who may do everything in a tenant."""
    return Actor(id=f"u-{name}", name=name, groups=groups, tenant=tenant, may=EVERYTHING)


def a_tenant() -> str:
    """The name of a tenant that no other test uses."""
    return f"t-{uuid4().hex[:12]}"


def a_worker(*, dead: bool = False) -> str:
    """The id of a registered worker."""
    now = clock.database_now()
    return str(
        Worker.objects.create(
            id=uuid4(), name="toy", host="here", pid=os.getpid(), started="1", registered_at=now, dead=dead,
            alive_until=now + timedelta(seconds=60),
        ).id
    )  # fmt: skip


def a_job(*, actor: Actor | None = None, goal: Any = None, parent: Any = None, agent: str = "toy") -> str:
    """The id of a new job that has not been planned."""
    wish = CreateJob(
        job=str(new_id()), agent=agent, version="1", goal=goal or {}, actor=actor or person(), parent=parent
    )
    return store.create(wish).state.job


def plan(job: str, graph: TaskGraph, worker: str) -> JobState:
    """Claim the planning step of a job, and let it adopt the graph."""
    fence = store.commit(job, StartNode(PLAN_STEP, worker), worker=worker).state.nodes[PLAN_STEP].fence
    return store.commit(job, AdoptPlan(fence, graph.to_json())).state


def a_planned_job(graph: TaskGraph, worker: str, *, actor: Actor | None = None, parent: Any = None) -> str:
    """The id of a new job that has adopted the graph."""
    job = a_job(actor=actor, parent=parent)
    plan(job, graph, worker)
    return job


def one_tool(name: str = "pay") -> TaskGraph:
    """A graph of one node, `pay`, that calls a tool."""
    graph = TaskGraph()
    graph.output(graph.tool("pay", name))
    return graph


def chain_of(*names: str) -> TaskGraph:
    """A graph of tools, each after the one before."""
    graph = TaskGraph()
    before: list[Any] = []
    for name in names:
        before = [graph.tool(name, "pay", after=before)]
    return graph


def promise(job: str, path: str = "pay", **changes: Any) -> Promise:
    """The promise that a worker makes for a call of the toy tool `pay`."""
    fields: dict[str, Any] = {
        "tool": "pay", "version": "1", "schema": "s", "effect": "at_most_once", "args": {"cents": 5},
        "key": idempotency_key(job, path), "deadline": plus(text(clock.now()), 60.0), "retry": RETRY,
    }  # fmt: skip
    if "business_key" in changes:
        changes.setdefault("holds", True)
    return Promise(**{**fields, **changes})


def claim(job: str, worker: str, node: str = "pay", **changes: Any) -> int:
    """Claim a tool step with its promise; gives the fence."""
    wish = StartNode(node, worker, promise(job, node, **changes))
    return store.commit(job, wish, worker=worker).state.nodes[node].fence


def told(
    fence: int, value: Any = "ok", *, node: str = "pay", kind: str = "landed", attempt: int = 1
) -> Command:
    """The command that writes the outcome of a claimed tool step."""
    outcome = Outcome(kind, value) if kind == "landed" else Outcome(kind, error={"message": kind})
    return Tell(node, fence, node, attempt, outcome)


def status_of(job: str) -> str:
    """The status that the job's row tells."""
    return str(Job.objects.values_list("status", flat=True).get(id=job))


@contextmanager
def recorded_knocks() -> Iterator[list[tuple[str, tuple[str, ...], str]]]:
    """Instead of sending knocks to a broker, write them down: (task, arguments, queue)."""
    heard: list[tuple[str, tuple[str, ...], str]] = []
    usual = knocks._publish
    knocks._publish = lambda task, args, queue: heard.append((task, args, queue))
    try:
        yield heard
    finally:
        knocks._publish = usual
