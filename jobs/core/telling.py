"""Outcomes: what a call brought back, and what nobody knows of it (Laws E4, E5, L6)."""

from __future__ import annotations

from typing import Any

from ledger.retry import Retry

from .agenda import orphaned
from .call_errors import unstorable
from .chain import digest_of
from .commands import LoseLease, Outcome, Tell
from .compensation import has_undone
from .draft import Draft
from .ending import fail_step
from .errors import Fenced
from .moments import plus
from .state import Asked, Node

EMPTY = digest_of({})  # of a state without entries
POISON = 3  # workers in a row that a step may take with it while they run nothing else


def tell(draft: Draft, wish: Tell) -> None:
    """The outcome of a promised call, under the claim that promised it."""
    draft.claimed(wish.node, wish.fence)
    asked = draft.state.calls.get(wish.path)
    if asked is None or asked.status != "open" or asked.attempt != wish.attempt or asked.fence != wish.fence:
        raise Fenced(f"job {draft.state.job}, call {wish.path}: attempt {wish.attempt} is not open any more")
    outcome = wish.outcome
    transactional = asked.info["effect"] == "transactional"
    if outcome.kind == "landed":
        if transactional:
            draft.open("transactional call")  # else it is rolled back with the rows it wrote
        _finished(draft, asked, "landed", outcome, result=outcome.value)
        landed(draft, wish.path, wish.fence)
    elif outcome.kind == "unstorable" and asked.kind == "compensation":
        _finished(
            draft, asked, "landed", outcome, result=None
        )  # it is undone; nothing asks for what it gave back
        landed(draft, wish.path, wish.fence)
    elif outcome.kind == "unstorable":
        _unstorable(draft, asked, outcome, wish.fence)
    elif outcome.kind == "not_sent":
        _finished(draft, asked, "not_sent", outcome)
        if draft.is_graph_step(wish.path):
            hand_back(draft, asked.node, wish.fence, "not_sent")
    elif outcome.kind == "not_landed" or transactional:
        _finished(draft, asked, "not_landed", outcome)
        _again(draft, asked, outcome, wish.fence)
    elif asked.info["effect"] == "at_most_once":
        _ambiguous(draft, asked, outcome, wish.fence)
    else:
        status = "failed" if asked.info["effect"] == "pure" else "no_answer"
        _finished(draft, asked, status, outcome)
        _again(draft, asked, outcome, wish.fence)


def _finished(draft: Draft, asked: Asked, status: str, outcome: Outcome, **more: Any) -> None:
    body: dict[str, Any] = {"seconds": round(outcome.seconds, 6), **more}
    if outcome.error is not None:
        body["error"] = dict(outcome.error)
    if outcome.citations:
        body["citations"] = [dict(citation) for citation in outcome.citations]
    draft.emit(
        "tool_invocation_finished", asked.path,
        invocation=asked.info["invocation"], tool=asked.info["tool"], status=status, attempt=asked.attempt,
        fence=asked.fence, **body,
    )  # fmt: skip


def landed(draft: Draft, path: str, fence: int) -> None:
    """The call is settled; a graph step is settled with it."""
    draft.emit("command_committed", path, command=path, outcome="done", fence=fence)
    if not draft.is_graph_step(path):
        return
    asked = draft.state.calls[path]
    if asked.kind == "compensation":
        has_undone(draft, path, fence)
        return
    snapshot(draft, path, fence, asked=asked)
    pure = asked.info.get("effect") == "pure"
    draft.emit(
        "node_finished", path, outcome="done", result=asked.value, fence=fence,
        step_outcome="pure" if pure else "side_effect_committed",
    )  # fmt: skip


def snapshot(
    draft: Draft, step: str, fence: int, *, asked: Asked | None = None, delta: dict[str, Any] | None = None
) -> None:
    """What the step knew: digests of goal and state, the change of state, and a model's words in full."""
    state = draft.state
    before = after = digest_of(dict(state.data.items())) if state.data else EMPTY
    if delta:
        changed = {**dict(state.data.items()), **delta.get("set", {})}
        for key in delta.get("drop", ()):
            changed.pop(key, None)
        after = digest_of(changed)
    more: dict[str, Any] = {}
    if asked is not None and asked.kind == "llm":
        more = {"llm_request": asked.args, "llm_response": asked.value}
    elif asked is not None:
        more = {"inputs": asked.digest}
    draft.emit(
        "reasoning_snapshot", step, goal=state.goal_digest, state_before=before, state_after=after, delta=delta or {}, fence=fence, **more,
    )  # fmt: skip


def _unstorable(draft: Draft, asked: Asked, outcome: Outcome, fence: int) -> None:
    """It landed, but its result cannot be kept: the effect counts, the step fails (E5)."""
    _finished(draft, asked, "landed", outcome, unstorable=dict(outcome.value))
    error = unstorable(asked.name, outcome.value)
    give_up(draft, asked, error, fence)


def give_up(draft: Draft, asked: Asked, error: dict[str, Any], fence: int) -> None:
    draft.emit("command_committed", asked.path, command=asked.path, outcome="failed", fence=fence)
    if draft.is_graph_step(asked.path):
        fail_step(draft, asked.path, error, fence=fence)


def _again(draft: Draft, asked: Asked, outcome: Outcome, fence: int) -> None:
    """Retry by the call's own policy, or give up."""
    policy = Retry.from_json(asked.info["retry"])
    error = {"code": outcome.kind, **dict(outcome.error or {}), "attempt": asked.attempt, "path": asked.path}
    over = asked.attempt >= policy.max_attempts or orphaned(draft.state, draft.state.nodes[asked.node])
    ends = draft.state.phase != "open" and asked.kind != "compensation"
    if outcome.permanent or over or ends:
        give_up(draft, asked, error, fence)
        return
    wait = max(policy.delay(asked.attempt, draft.at.dice), outcome.retry_after or 0.0)
    draft.emit(
        "node_retry_scheduled", asked.path, attempt=asked.attempt, wake_at=plus(draft.now, wait), error=error,
        step_outcome="retryable", fence=fence,
    )  # fmt: skip


def _ambiguous(draft: Draft, asked: Asked, outcome: Outcome, fence: int) -> None:
    """Nobody knows: to be probed at once where the tool can be asked, else for a person (E4)."""
    evidence = {"known_dead": False, "error": dict(outcome.error or {})}
    become_unknown(draft, asked, outcome.kind, evidence, wake_at=draft.now if asked.info["probe"] else None)
    if draft.is_graph_step(asked.path) and not asked.info["probe"]:
        park_unknown(draft, asked.path, fence)


def become_unknown(
    draft: Draft, asked: Asked, reason: str, evidence: dict[str, Any], wake_at: str | None
) -> None:
    """State the gap between promise and outcome."""
    draft.emit(
        "outcome_unknown", asked.path, invocation=asked.info["invocation"], reason=reason,
        attempt=asked.attempt, fence=asked.fence, evidence=evidence, wake_at=wake_at, probes=0,
    )  # fmt: skip


def park_unknown(draft: Draft, path: str, fence: int) -> None:
    """The step waits for a probe's time, or for a person."""
    asked = draft.state.calls[path]
    draft.emit(
        "job_parked",
        path,
        kind="unknown_outcome",
        name=asked.info["invocation"],
        wake_at=asked.wake_at,
        fence=fence,
    )


def lose(draft: Draft, wish: LoseLease) -> None:
    """The claim ended without an outcome."""
    node = draft.claimed(wish.node, wish.fence)
    draft.emit(
        "lease_lost",
        node.id,
        worker=node.worker,
        fence=wish.fence,
        reason=wish.reason,
        known_dead=wish.known_dead,
    )
    for path in sorted(node.open):
        asked = draft.state.calls[path]
        if asked.status == "open":
            when = draft.now if wish.known_dead else asked.info["deadline"]
            become_unknown(
                draft,
                asked,
                wish.reason,
                {"known_dead": wish.known_dead},
                when if asked.info["probe"] else None,
            )
    _park_if_unknown(draft, node, wish.fence)
    if wish.reason == "worker_dead":
        fail_if_poison(draft, wish.node, wish.fence)


def fail_if_poison(draft: Draft, name: str, fence: int) -> None:
    """Give up a step that worker after worker has died of, where it would be run again and owes no outcome (L6).

    Only workers that ran nothing else count: beside others it may be innocent.
    """
    node = draft.state.nodes[name]
    owes = any(draft.state.calls[path].status in ("unknown", "open") for path in node.open)
    if node.status not in ("ready", "running") or owes or node.deaths < POISON:
        return
    error = {
        "code": "poison",
        "message": f"step {node.id}: {node.deaths} workers died one after another while they ran it and nothing "
        "else; it is not tried again. Look into the workers' logs for what killed them",
    }
    for path in sorted(node.open):
        if draft.state.calls[path].status == "lost":
            _finished(draft, draft.state.calls[path], "abandoned", Outcome("abandoned"))
    fail_step(draft, node.id, error, fence=fence)


def _park_if_unknown(draft: Draft, node: Node, fence: int) -> None:
    asked = draft.state.calls.get(node.id)
    if asked is None or asked.status != "unknown":
        return
    if asked.wake_at is None or asked.wake_at > draft.now:
        park_unknown(draft, node.id, fence)


def hand_back(draft: Draft, name: str, fence: int, reason: str) -> None:
    """Give the claim back unharmed; another worker may take it at once."""
    node = draft.state.nodes[name]
    draft.emit("lease_lost", name, worker=node.worker, fence=fence, reason=reason, known_dead=True)


def leave_calls(draft: Draft, name: str, fence: int) -> bool:
    """A step wants to settle: say what becomes of its calls in flight, and park it if that is not known.

    Returns:
        Whether it parked; it settles when it runs again and every outcome is known (Law L6).
    """
    for path in sorted(draft.state.nodes[name].open):
        asked = draft.state.calls[path]
        if asked.status == "open" and asked.info["effect"] == "at_most_once":
            when = asked.info["deadline"] if asked.info["probe"] else None
            become_unknown(draft, asked, "left_open", {"known_dead": False}, when)
        elif asked.status == "open":
            _finished(draft, asked, "abandoned", Outcome("abandoned"))
    return park_on_unknown(draft, name, fence)


def park_on_unknown(draft: Draft, name: str, fence: int) -> bool:
    """Park a step on each of its unknown outcomes; whether there were any."""
    unknown = [
        path for path in sorted(draft.state.nodes[name].open) if draft.state.calls[path].status == "unknown"
    ]
    for path in unknown:
        park_unknown(draft, path, fence)
    return bool(unknown)
