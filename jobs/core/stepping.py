"""Steps whose body is a function: the planning, and workflows."""

from __future__ import annotations

from typing import Any

from ledger.retry import Retry

from .chain import digest_of
from .commands import AdoptPlan, FailNode, FinishNode, Release
from .draft import Draft
from .ending import fail_step
from .errors import Illegal
from .moments import plus
from .state import PLAN_STEP, Asked
from .telling import leave_calls, snapshot


def adopt(draft: Draft, wish: AdoptPlan) -> None:
    """The planner's graph becomes the plan, once and for all."""
    draft.claimed(PLAN_STEP, wish.fence)
    draft.open("plan")
    if draft.state.plan is not None:
        raise Illegal(
            f"job {draft.state.job} has its plan already; a plan never changes", code="planned_already"
        )
    if leave_calls(draft, PLAN_STEP, wish.fence):
        return
    draft.emit(
        "plan_generated", plan=wish.plan, plan_hash=digest_of(wish.plan), fence=wish.fence,
        requires={name: list(needs) for name, needs in sorted(wish.requires.items())},
    )  # fmt: skip
    snapshot(draft, PLAN_STEP, wish.fence)
    draft.emit("node_finished", PLAN_STEP, outcome="done", result=None, step_outcome="pure", fence=wish.fence)


def finish_step(draft: Draft, wish: FinishNode) -> None:
    """A workflow function returned."""
    node = draft.claimed(wish.node, wish.fence)
    if node.kind != "workflow":
        raise Illegal(f"job {draft.state.job}, step {node.id} is a {node.kind}: only a workflow returns")
    held = sorted(path for path in node.open if draft.state.calls[path].status in ("open", "lost"))
    if leave_calls(draft, wish.node, wish.fence):
        return
    if held:
        error = {
            "code": "calls_left_open",
            "message": f"workflow {wish.node} returned while {', '.join(held)} was not settled: await every call",
        }
        fail_step(draft, wish.node, error, fence=wish.fence)
        return
    snapshot(draft, wish.node, wish.fence, delta=dict(wish.delta))
    touched = any(_touches(draft.state.calls[path]) for path in _paths_of(draft, wish.node))
    draft.emit(
        "node_finished", wish.node, outcome="done", result=wish.result, fence=wish.fence,
        step_outcome="side_effect_committed" if touched else "pure",
    )  # fmt: skip


def _touches(asked: Asked) -> bool:
    return asked.info.get("effect") in ("at_most_once", "idempotent", "transactional")


def _paths_of(draft: Draft, name: str) -> list[str]:
    return [str(path) for path in draft.state.calls if str(path).startswith(name + "/")]


def fail(draft: Draft, wish: FailNode) -> None:
    """A workflow or planner raised; its own policy may run it again, with every settled call replayed."""
    node = draft.claimed(wish.node, wish.fence)
    if leave_calls(draft, wish.node, wish.fence):
        return
    spec = draft.state.spec(node)
    policy = Retry.from_json(spec.retry) if spec is not None and spec.retry else Retry(max_attempts=1)
    attempt = node.tries + 1
    error: dict[str, Any] = {**dict(wish.error), "attempt": attempt}
    final = not wish.retryable or _barred(draft, wish)
    if final or attempt >= policy.max_attempts or draft.state.phase != "open":
        fail_step(draft, wish.node, error, fence=wish.fence)
        return
    failed = draft.state.calls.get(wish.path)
    more = {"call": wish.path} if failed and failed.status == "failed" and "tool" in failed.info else {}
    draft.emit(
        "node_retry_scheduled", wish.node, attempt=attempt, error=error, step_outcome="retryable", fence=wish.fence,
        wake_at=plus(draft.now, policy.delay(attempt, draft.at.dice)), **more,
    )  # fmt: skip


def _barred(draft: Draft, wish: FailNode) -> bool:
    """The failed call landed, or may have: it is not made again, so the step would only fail alike."""
    failed = draft.state.calls.get(wish.path)
    return failed is not None and bool(failed.info.get("barred"))


def release(draft: Draft, wish: Release) -> None:
    """A workflow step can go no further: it parks, or waits for a retry's time.

    Nothing happens if one of the answers it lacks has come meanwhile: the caller runs it again.
    """
    node = draft.claimed(wish.node, wish.fence)
    blocked = _own_calls(draft, wish)
    if not blocked or any(asked.status not in ("waiting", "unknown", "backoff") for asked in blocked):
        return
    backoff = [asked for asked in blocked if asked.status == "backoff"]
    if backoff:
        first = min(backoff, key=lambda asked: asked.wake_at or "")
        draft.emit(
            "node_retry_scheduled", node.id, attempt=node.tries, wake_at=first.wake_at, error=dict(first.error or {}),
            step_outcome="retryable", fence=wish.fence,
        )  # fmt: skip
        return
    for asked in blocked:
        kind, name = asked.kind, asked.name
        if asked.status == "unknown":
            kind, name = "unknown_outcome", asked.info["invocation"]
        draft.emit("job_parked", asked.path, kind=kind, name=name, deadline=asked.wake_at, wake_at=asked.wake_at,
                   fence=wish.fence)  # fmt: skip


def _own_calls(draft: Draft, wish: Release) -> list[Asked]:
    calls = [draft.state.calls.get(path) for path in wish.blocked]
    own = [asked for asked in calls if asked is not None and asked.node == wish.node]
    if len(own) < len(calls):
        raise Illegal(
            f"job {draft.state.job}, step {wish.node}: not all of {', '.join(wish.blocked)} are its calls",
            code="unknown_call",
        )
    open_calls = [
        path for path in draft.state.nodes[wish.node].open if draft.state.calls[path].status == "open"
    ]
    if open_calls:
        raise Illegal(
            f"job {draft.state.job}, step {wish.node}: {', '.join(sorted(open_calls))} has not told its outcome; "
            "tell it, then release the step",
            code="calls_open",
        )
    return own
