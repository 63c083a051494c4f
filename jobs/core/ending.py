"""How a step fails and how a job ends: no terminal event while a promise is open or unresolved (Law L6)."""

from __future__ import annotations

from typing import Any

from .compensation import has_not_undone, report, still_undoes
from .draft import Draft
from .evaluation import BadReference, Missing, evaluate
from .settle import JobScope
from .state import Asked, JobState


def fail_step(
    draft: Draft, name: str, error: dict[str, Any], *, fence: int = 0, timed_out: bool = False
) -> None:
    """Settle a step as failed, and do what its `on_error` says."""
    node = draft.state.nodes[name]
    spec = draft.state.spec(node)
    on_error = "skip" if node.parent or node.undoes else spec.on_error if spec is not None else "fail"
    if node.undoes:
        has_not_undone(draft, name, error)
    more = {"timed_out": True} if timed_out else {}
    draft.emit(
        "node_failed", name, error=error, step_outcome="permanent", fence=fence or node.fence, on_error=on_error,
        **more,
    )  # fmt: skip
    if on_error == "fail" and draft.state.phase == "open":
        draft.emit("job_failing", node=name, error=error)


def finish(draft: Draft) -> None:
    """Append the terminal event if nothing stands against it."""
    state = draft.state
    if state.phase == "open":
        if state.plan is not None and state.remaining == 0 and not state.agenda and state.busy == 0:
            withdraw(draft)
            output, outcome = result_of(draft.state)
            draft.emit("job_completed", output=output, outcome=outcome)
    elif state.busy:
        _park_the_unresolved(draft)
    elif not still_undoes(draft):
        withdraw(draft)
        _end(draft)


def _end(draft: Draft) -> None:
    state = draft.state
    more = {"compensation": report(state)} if state.compensates else {}
    if state.phase == "failing":
        failure = state.failure or {}
        draft.emit("job_failed", node=failure["node"], error=failure["error"], **more)
    else:
        caller = state.caller or {}
        draft.emit("job_cancelled", actor=caller["actor"], reason=caller["reason"], **more)


def _park_the_unresolved(draft: Draft) -> None:
    """In a job that ends, a step that only an unknown outcome keeps waits for its probe's time or a person."""
    for name in sorted(draft.state.agenda):
        node = draft.state.nodes[name]
        unknown = [path for path in sorted(node.open) if draft.state.calls[path].status == "unknown"]
        times = [draft.state.calls[path].wake_at for path in unknown]
        if node.status not in ("ready", "backoff") or any(time and time <= draft.now for time in times):
            continue
        for path in unknown:
            asked = draft.state.calls[path]
            draft.emit("job_parked", path, kind="unknown_outcome", name=asked.info["invocation"],
                       wake_at=asked.wake_at, fence=node.fence)  # fmt: skip


def withdraw(draft: Draft) -> None:
    """Close what the end leaves without meaning: harmless calls, and questions nobody answered."""
    for path in sorted(path for name in draft.state.nodes for path in draft.state.nodes[name].open):
        asked = draft.state.calls[path]
        if asked.status in ("open", "lost"):
            _abandon(draft, asked)
        elif asked.kind == "approval" and asked.status == "waiting":
            draft.emit(
                "approval_decided", path, approval=asked.info["approval"], decision="withdrawn", actor=None,
                comment="", digest=asked.info["digest"], form=None, effect="withdrawn",
            )  # fmt: skip


def _abandon(draft: Draft, asked: Asked) -> None:
    draft.emit(
        "tool_invocation_finished", asked.path, invocation=asked.info["invocation"], tool=asked.info["tool"],
        status="abandoned", attempt=asked.attempt, fence=asked.fence,
    )  # fmt: skip


def result_of(state: JobState) -> tuple[Any, str]:
    """The job's output and its outcome: `completed`, or `rejected` where a rejection left it without one."""
    assert state.plan is not None
    expr = state.plan.output
    if expr is None:
        rejected = any(node.status == "rejected" for node in state.nodes.values())
        return None, "rejected" if rejected else "completed"
    try:
        return evaluate(expr, JobScope(state)), "completed"
    except Missing as missing:
        return None, _why(state, missing.node)
    except BadReference as broken:
        return {"error": str(broken)}, "completed"


def _why(state: JobState, name: str) -> str:
    node = state.nodes[name]
    return "rejected" if node.status == "rejected" or node.cause == "rejected" else "completed"
