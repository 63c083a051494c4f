"""Start toy jobs, run them in this process, and look at what came of them."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any
from unittest.mock import patch
from uuid import uuid4

from django.db import connections

from jobs import TaskGraph, agent, clock, runner, submit, workflow
from jobs.core.state import JobState
from jobs.models import Event
from jobs.store import state_of
from jobs.testing import run_until_parked
from ledger.models import Invocation
from tests.agents import graphs  # noqa: F401 - registers the toy agents
from tests.factories import person


def a_word() -> str:
    """A word that no other test uses."""
    return f"w-{uuid4().hex[:12]}"


def started(graph: TaskGraph | dict[str, Any], **more: Any) -> str:
    """A job that runs the graph."""
    drawn = graph.to_json() if isinstance(graph, TaskGraph) else graph
    return str(submit("drawn", {"graph": drawn}, actor=person(), **more))


def planned(graph: TaskGraph) -> str:
    """A job that has its plan, and of which nothing else has begun: whoever planned it leaves all to others."""
    job = started(graph)
    with patch("jobs.beginning.first_of_plan", lambda *_: None):
        runner.drive(job, "_plan")
    return job


def ran(graph: TaskGraph | dict[str, Any]) -> JobState:
    """What a graph leads to without an answer or time passing."""
    return run_until_parked(started(graph))


def asked(name: str, goal: Any = None) -> str:
    """A job of a registered agent."""
    return str(submit(name, goal or {}, actor=person()))


def after(job: str, seconds: float) -> JobState:
    """What the job is so much later."""
    clock.shift(seconds)
    return run_until_parked(job)


def flow(fn: Any) -> Any:
    """Register a workflow, and an agent of the same name."""
    made = workflow(fn)
    return agent(made.name)(made)


def error_of(state: JobState) -> dict[str, Any]:
    """Why the job failed."""
    assert state.status == "failed", (state.status, {n.id: (n.status, n.error) for n in state.nodes.values()})
    assert state.failure is not None
    error: dict[str, Any] = state.failure["error"]
    return error


def statuses(state: JobState) -> dict[str, str]:
    """How each node of the graph stands."""
    return {name: node.status for name, node in state.nodes.items() if name != "_plan"}


def kinds(job: str) -> list[str]:
    """Kinds of the job's events, in order."""
    return list(Event.objects.filter(job_id=job).order_by("seq").values_list("type", flat=True))


def folded(job: str) -> JobState:
    """The job as its events alone tell it."""
    return state_of(job)


def beside(work: Callable[..., Any], *args: Any) -> threading.Thread:
    """Some work in a thread of its own, which takes its database connection with it when it ends."""

    def body() -> None:
        try:
            work(*args)
        finally:
            connections.close_all()

    thread = threading.Thread(target=body)
    thread.start()
    return thread


def one(tool: Any, word: str, **options: Any) -> TaskGraph:
    """A graph of one node, `call`."""
    graph = TaskGraph()
    graph.output(graph.tool("call", tool, word=word, **options))
    return graph


def line_of(job: str) -> Invocation:
    """The ledger line of the node `call`."""
    return Invocation.objects.get(job_id=job, node="call")


def error_at(state: JobState) -> dict[str, Any]:
    """The error of the node `call`, which is to be made again."""
    return dict(state.calls["call"].error or {})
