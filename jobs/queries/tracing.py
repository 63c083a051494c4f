"""A job told from its history: as a tree of steps and calls, as a timeline, and one step in depth."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from ..core.errors import NotFound
from ..core.state import PLAN_STEP, Asked, Node
from ..models import Job
from .events import wire
from .history import Course, History, read
from .summaries import summary


def trace(job: Job) -> dict[str, Any]:
    """The tree of a job's steps with their calls, and its events in one line each.

    Args:
        job: whose history is read.

    Returns:
        `{job, status, tree, timeline}`; the items of a map stand in the tree behind their map.
    """
    told = read(job)
    calls = _calls_by_step(told)
    return {
        "job": str(job.id),
        "status": told.state.status,
        "tree": [_step(told, told.state.nodes[name], calls[name]) for name in _order(told)],
        "timeline": [
            {"seq": fact.seq, "at": fact.at, "type": fact.type, "node": fact.node, "summary": summary(fact)}
            for fact in told.facts
        ],
    }


def node_detail(job: Job, node: str) -> dict[str, Any]:
    """One step in depth, or one call inside a workflow by its path.

    Raises:
        NotFound: the job has neither a step nor a call of that name.
    """
    told = read(job)
    found, asked = told.state.nodes.get(node), told.state.calls.get(node)
    if found is not None:
        return _step_detail(told, found)
    if asked is not None:
        return _call_detail(told, asked)
    raise NotFound(f"job {job.id} has no step or call {node!r}; `GET /api/jobs/{job.id}/trace` lists them")


def steps_in_depth(job: Job) -> list[dict[str, Any]]:
    """Every step of a job without its place and its events: what a comparison with another job looks at."""
    told = read(job)
    return [_compared(told, told.state.nodes[name]) for name in _order(told)]


def _compared(told: History, node: Node) -> dict[str, Any]:
    course = told.courses.get(node.id, Course())
    said = [
        {name: each[name] for name in ("llm_request", "llm_response") if each.get(name) is not None}
        for each in course.snapshots
    ]
    return {
        "node": node.id,
        "status": node.status,
        "planned": _spec(told, node),
        "input": _input(told, node),
        "output": node.result,
        "error": node.error,
        "model": [each for each in said if each],
        "calls": [[each["name"], each["status"]] for each in _calls_by_step(told)[node.id]],
        "attempts": len(course.attempts),
        "started_at": course.attempts[0]["started_at"] if course.attempts else course.began_at,
        "finished_at": course.finished_at,
    }


def _order(told: History) -> list[str]:
    """Planning first, then the plan's own order, each map before its items; then what was undone, in that order."""
    listed = [PLAN_STEP] if PLAN_STEP in told.state.nodes else []
    for name in told.state.plan.nodes if told.state.plan else ():
        items = range(told.state.nodes[name].count)
        listed += [name, *(f"{name}/{index}" for index in items)]
    undoing = [node.id for node in told.state.nodes.values() if node.undoes]
    return listed + sorted(undoing, key=lambda name: told.state.calls[name].seq)


def _calls_by_step(told: History) -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for asked in sorted(told.state.calls.values(), key=lambda each: (each.seq, each.path)):
        found[asked.node].append(_call(told, asked))
    return found


def _call(told: History, asked: Asked) -> dict[str, Any]:
    return {
        "path": asked.path,
        "kind": asked.kind,
        "name": asked.name,
        "status": asked.status,
        "attempts": asked.attempt,
        "invocation": asked.info.get("invocation"),
        "seconds": told.seconds.get(asked.path),
        "error": asked.error,
        "compensated_by": asked.info.get("compensated_by"),
        "compensated": asked.compensated,
    }


def _step(told: History, node: Node, calls: list[dict[str, Any]]) -> dict[str, Any]:
    course = told.courses.get(node.id, Course())
    return {
        "node": node.id,
        "kind": node.kind,
        "status": node.status,
        "attempts": len(course.attempts),
        "started_at": course.attempts[0]["started_at"] if course.attempts else course.began_at,
        "finished_at": course.finished_at,
        "worker": course.attempts[-1]["worker"] if course.attempts else None,
        "undoes": node.undoes or None,
        "calls": calls,
        "input": _input(told, node),
        "output": node.result,
        "error": node.error,
    }


def _input(told: History, node: Node) -> Any:
    """What the step was called with: the goal for planning, resolved arguments for a call."""
    if node.id == PLAN_STEP:
        return told.state.goal
    asked = told.state.calls.get(node.id)
    return asked.args if asked is not None else None


def _step_detail(told: History, node: Node) -> dict[str, Any]:
    course = told.courses.get(node.id, Course())
    rows = [row for row in told.rows if row.node and told.step_of(row.node) == node.id]
    before = course.before or {}
    return {
        "node": node.id,
        "kind": node.kind,
        "status": node.status,
        "undoes": node.undoes or None,
        "spec": _spec(told, node),
        "attempts": course.attempts,
        "input": _input(told, node),
        "output": node.result,
        "error": node.error,
        "state_before": before,
        "state_after": before if course.after is None else course.after,
        "snapshots": course.snapshots,
        "calls": _calls_by_step(told)[node.id],
        "events": wire(rows, told.job.tenant),
    }


def _call_detail(told: History, asked: Asked) -> dict[str, Any]:
    course = told.courses.get(asked.node, Course())
    rows = [row for row in told.rows if row.node == asked.path]
    before = course.before or {}
    return {
        "node": asked.path,
        "kind": asked.kind,
        "status": asked.status,
        "undoes": None,
        "spec": {"step": asked.node, "name": asked.name, "digest": asked.digest, **asked.info},
        "attempts": [],
        "input": asked.args,
        "output": asked.value,
        "error": asked.error,
        "state_before": before,
        "state_after": before if course.after is None else course.after,
        "snapshots": [],
        "calls": [_call(told, asked)],
        "events": wire(rows, told.job.tenant),
    }


def _spec(told: History, node: Node) -> dict[str, Any]:
    """The plan's own words about the step; an item has those of its map."""
    if node.undoes:
        return {"undoes": node.undoes, **told.state.calls[node.id].info}
    if node.id == PLAN_STEP or told.state.plan is None:
        return {"agent": told.state.agent, "version": told.state.version}
    wanted = node.parent or node.id
    listed: Any = told.state.plan.to_json()["nodes"]
    return next(each for each in listed if each["id"] == wanted)
