"""What follows by itself: skips, waits, branches and maps that need no worker, and the end of the job."""

from __future__ import annotations

from typing import Any

from .chain import digest_of
from .draft import Draft
from .ending import fail_step, finish
from .evaluation import BadReference, Missing, evaluate
from .plan import PlanNode
from .settle import Broken, JobScope, Skip, disposition, released_args, skipped_without
from .state import Node
from .waiting import ask, settle_now


def follow(draft: Draft) -> None:
    """Treat every step that is due, until nothing moves any more without a worker; then end if all is done."""
    while draft.state.due and draft.state.phase == "open" and not draft.state.paused:
        _treat(draft, draft.state.nodes[draft.state.due[0]])
    if not draft.state.ended:
        finish(draft)


def _treat(draft: Draft, node: Node) -> None:
    spec = draft.state.spec(node)
    assert spec is not None
    if node.kind == "map" and node.status == "running":
        _close_map(draft, node, spec)
        return
    verdict = disposition(draft.state, spec)
    if isinstance(verdict, Skip):
        _skip(draft, node, verdict)
        return
    if isinstance(verdict, Broken):
        fail_step(draft, node.id, {"code": "bad_reference", "message": verdict.message})
        return
    try:
        TREATMENTS[node.kind](draft, node, spec)
    except Missing as missing:
        skip = skipped_without(draft.state, missing.node)
        _skip(draft, node, skip)
    except BadReference as broken:
        fail_step(draft, node.id, {"code": "bad_reference", "message": f"node {node.id}: {broken}"})


def _skip(draft: Draft, node: Node, skip: Skip) -> None:
    more = {"cause": skip.cause} if skip.cause else {}
    draft.emit("node_skipped", node.id, reason=skip.reason, because=skip.because, **more)


def _value(draft: Draft, expr: Any) -> Any:
    return evaluate(expr, JobScope(draft.state))


def _park(draft: Draft, node: Node, kind: str, name: str, args: Any, spec: dict[str, Any]) -> None:
    ask(draft, node.id, kind, name, args, spec)
    settle_now(draft, node.id)
    asked = draft.state.calls[node.id]
    if not asked.settled:
        draft.emit("job_parked", node.id, kind=kind, name=name, deadline=asked.wake_at, wake_at=asked.wake_at)


def _wait(draft: Draft, node: Node, spec: PlanNode) -> None:
    told = spec.spec
    limits = {"deadline": told["deadline"], "on_timeout": told["on_timeout"]}
    _park(draft, node, "signal", told["signal"], limits, limits)


def _receive(draft: Draft, node: Node, spec: PlanNode) -> None:
    told = spec.spec
    limits = {"deadline": told["deadline"], "on_timeout": told["on_timeout"]}
    _park(draft, node, "message", told["channel"], limits, limits)


def _sleep(draft: Draft, node: Node, spec: PlanNode) -> None:
    seconds = spec.spec["seconds"]
    _park(draft, node, "timer", "", {"seconds": seconds}, {"seconds": seconds})


def _agent(draft: Draft, node: Node, spec: PlanNode) -> None:
    goal = _value(draft, spec.spec["goal"])
    _park(draft, node, "child", spec.spec["agent"], {"goal": goal}, {"goal": goal})


def _approval(draft: Draft, node: Node, spec: PlanNode) -> None:
    """Show exactly what is known, and bind the arguments of the steps directly after it."""
    told = spec.spec
    assert draft.state.plan is not None
    releases = [
        {"node": name, "tool": after.spec["tool"], "args": released_args(draft.state, after)}
        for name in draft.state.plan.dependents.get(node.id, ())
        if (after := draft.state.plan.nodes[name]).kind == "tool"
    ]
    question = {
        "question": _value(draft, told["question"]), "shown": _value(draft, told["show"]), "releases": releases,
        "groups": told["groups"], "users": told["users"], "quorum": told["quorum"],
        "four_eyes": told["four_eyes"], "deadline": told["deadline"], "on_timeout": told["on_timeout"],
        "escalate_to": told["escalate_to"], "form": told["form"],
    }  # fmt: skip
    _park(draft, node, "approval", node.id, question, _plain(question))


def _plain(value: dict[str, Any]) -> dict[str, Any]:
    return {key: list(item) if isinstance(item, tuple) else item for key, item in value.items()}


def _branch(draft: Draft, node: Node, spec: PlanNode) -> None:
    taken = "then" if _value(draft, spec.spec["cond"]) else "otherwise"
    draft.emit("node_finished", node.id, outcome="done", result={"taken": taken}, step_outcome="pure", fence=0,
               taken=taken)  # fmt: skip


def _open_map(draft: Draft, node: Node, spec: PlanNode) -> None:
    over = _value(draft, spec.spec["over"])
    if not isinstance(over, list):
        error = {
            "code": "not_a_list",
            "message": f"node {node.id}: `over` must be a list, not {type(over).__name__}",
        }
        fail_step(draft, node.id, error)
        return
    draft.emit("command_emitted", node.id, command="map", name=spec.spec["tool"], args={}, digest=digest_of(over),
               count=len(over))  # fmt: skip


def _close_map(draft: Draft, node: Node, spec: PlanNode) -> None:
    """All items have settled, or more have failed than the map tolerates."""
    items = [draft.state.nodes[f"{node.id}/{index}"] for index in range(node.count)]
    errors = {str(item.index): dict(item.error or {}) for item in items if item.status == "failed"}
    if node.failed > spec.spec["tolerate"]:
        first = next(iter(errors))
        message = f"{len(errors)} of {node.count} items of map {node.id} failed, first item {first}"
        fail_step(draft, node.id, {"code": "map_failed", "message": message, "errors": errors})
        return
    results = [item.result if item.status == "done" else None for item in items]
    more = {"errors": errors} if errors else {}
    draft.emit("node_finished", node.id, outcome="done", result=results, step_outcome="pure", fence=0, **more)


TREATMENTS = {
    "wait": _wait,
    "receive": _receive,
    "sleep": _sleep,
    "agent": _agent,
    "approval": _approval,
    "branch": _branch,
    "map": _open_map,
}
