"""A stored job as decisions in time, as one step's reasoning, and as the tree plan, step, tool."""

from __future__ import annotations

from typing import Any

from jobs.core.errors import NotFound
from jobs.models import Job
from jobs.queries import trace
from jobs.queries.history import read

from ..picture import differences
from ..timeline import decisions, reasoning
from .reading import graph_of_job

# What differs between two attempts anyway, and says nothing.
INCIDENTAL = frozenset(
    {"fence", "started_at", "ended_at", "at", "settled_at", "seconds", "attempt", "worker"}
)


def timeline_of(job: Job) -> dict[str, Any]:
    """The decision timeline of a job.

    Returns:
        `{job, agent, version, status, decisions, tree}`: what `timeline.decisions` gives, and for each step of the plan, in
        order, its calls, each with the steps that it used.

    Raises:
        Illegal: the record is broken and cannot be told.
    """
    graph = graph_of_job(job)
    return {
        "job": str(job.id), "agent": job.agent, "version": job.version, "status": job.status,
        "decisions": decisions(graph), "tree": _tree(job, graph),
    }  # fmt: skip


def _tree(job: Job, graph: dict[str, Any]) -> list[dict[str, Any]]:
    used: dict[str, list[dict[str, Any]]] = {}
    for edge in graph["edges"]:
        path = edge["from"].partition("/")[2]
        if edge["from"].startswith(("step/", "question/")) and edge["to"].startswith("step/"):
            used.setdefault(path, []).append(
                {"step": edge["to"].partition("/")[2], **{n: edge[n] for n in ("kind", "how", "via")}}
            )
    return [
        {"node": step["node"], "kind": step["kind"], "status": step["status"], "used": used.get(step["node"], []),
         "calls": [{**{n: call[n] for n in ("path", "kind", "name", "status", "attempts", "invocation")},
                    "used": used.get(call["path"], [])} for call in step["calls"]]}
        for step in trace(job)["tree"]
    ]  # fmt: skip


def reasoning_of(job: Job, node: str) -> dict[str, Any]:
    """What a step knew, asked and was answered, attempt by attempt.

    Args:
        job: the row.
        node: the step, or a call inside it, which means its step.

    Returns:
        What `timeline.reasoning` gives, with `changes`: for each attempt but the first, what differs from the one before.

    Raises:
        NotFound: the job has no such step.
        Illegal: the record is broken and cannot be told.
    """
    history = read(job)
    step = history.step_of(node)
    if step not in history.state.nodes:
        raise NotFound(f"job {job.id} has no step {node!r}; `aetheris trace {job.id}` lists them")
    events = [
        {"seq": fact.seq, "type": fact.type, "node": fact.node, "at": fact.at, "body": dict(fact.body)}
        for fact in history.facts
    ]
    told = reasoning(events, step, lambda path: history.step_of(path) == step)
    attempts = told["attempts"]
    changes = [_between(one, other) for one, other in zip(attempts, attempts[1:], strict=False)]
    return {"job": str(job.id), **told, "changes": changes}


def _between(one: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    found, more = differences(_plain(one), _plain(other))
    return {"from": one["fence"], "to": other["fence"], "changes": found, "more": more}


def _plain(attempt: dict[str, Any]) -> dict[str, Any]:
    calls = {each["path"]: _without(each) for each in attempt["calls"]}
    return {**_without(attempt), "calls": calls}


def _without(told: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in told.items() if name not in INCIDENTAL}
