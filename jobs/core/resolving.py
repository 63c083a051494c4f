"""Answers: what a probe, a person or a late outcome says of a call that nobody knew the end of (Laws E4, L4)."""

from __future__ import annotations

from typing import Any

from ledger.retry import Retry

from .agenda import orphaned
from .call_errors import given_up
from .commands import Actor, Answer, LateOutcome
from .draft import Draft
from .errors import Illegal, Invalid, NotFound, Stale
from .moments import plus
from .state import Asked
from .telling import fail_if_poison, give_up, hand_back, landed, park_unknown

PROBE_RETRY = Retry(max_attempts=20, backoff=2, factor=2, max_backoff=600, jitter=0.2)


def answer(draft: Draft, wish: Answer) -> None:
    """A probe or a person says what became of an unknown call."""
    asked = draft.state.calls.get(wish.path)
    if asked is None or "invocation" not in asked.info:
        raise NotFound(f"job {draft.state.job}: there is no call {wish.path}")
    if wish.fence:  # first: a claim that is over because somebody else knew is dropped, whatever it found
        draft.claimed(asked.node, wish.fence)
    if asked.status != "unknown" or draft.state.ended:
        raise Stale(
            f"job {draft.state.job}, call {wish.path}: its outcome is not unknown ({asked.status}); "
            "look at the job again",
            code="not_unresolved",
        )
    known_dead = bool(asked.info.get("known_dead"))
    if wish.verdict == "unknown" or (wish.verdict == "absent" and not (wish.accepted or known_dead)):
        _still_unknown(draft, asked, wish)
        return
    if wish.verdict not in ("landed", "absent", "fail"):
        raise Invalid(f"an outcome is resolved as landed, absent or fail, not {wish.verdict!r}")
    _resolved(draft, asked, wish)


def _resolved(draft: Draft, asked: Asked, wish: Answer) -> None:
    fence = wish.fence or asked.fence
    more: dict[str, Any] = {"result": wish.result} if wish.verdict == "landed" else {}
    if wish.comment:
        more["comment"] = wish.comment
    draft.emit(
        "outcome_resolved", asked.path, invocation=asked.info["invocation"], verdict=wish.verdict,
        by=wish.by.to_json(), evidence=dict(wish.evidence), fence=fence, **more,
    )  # fmt: skip
    if wish.verdict == "landed":
        landed(draft, asked.path, fence)
    elif wish.verdict == "fail":
        error = given_up(asked.name, asked.path, wish.by.to_json()["name"])
        give_up(draft, asked, error, fence)
    elif orphaned(draft.state, draft.state.nodes[asked.node]):
        _leave_behind(draft, asked, fence)
    elif not wish.fence and draft.state.nodes[asked.node].status == "running":
        _take_from_the_prober(draft, asked)
    node = draft.state.nodes[asked.node]
    runs_again = draft.state.phase == "open" or bool(node.undoes)
    if wish.verdict == "absent" and runs_again and (wish.fence or node.status == "ready"):
        fail_if_poison(draft, asked.node, fence)


def _leave_behind(draft: Draft, asked: Asked, fence: int) -> None:
    """The map of this item has settled: what did not happen is not done any more."""
    if draft.state.nodes[asked.node].status == "running":
        error = {"code": "map_settled", "message": f"item {asked.path} did not happen before its map settled"}
        give_up(draft, asked, error, fence)


def _take_from_the_prober(draft: Draft, asked: Asked) -> None:
    """Somebody else knew first: a worker that probes a step drops it, so that it can be called again."""
    if draft.is_graph_step(asked.path):
        hand_back(draft, asked.path, draft.state.nodes[asked.path].fence, "resolved")


def _still_unknown(draft: Draft, asked: Asked, wish: Answer) -> None:
    """Asked in vain: ask again later; an `absent` that proves nothing goes to a person."""
    probes = int(asked.info.get("probes", 0)) + 1
    later = wish.verdict == "unknown" and probes < PROBE_RETRY.max_attempts
    wake_at = plus(draft.now, PROBE_RETRY.delay(probes, draft.at.dice)) if later else None
    draft.emit(
        "outcome_unknown", asked.path, invocation=asked.info["invocation"], reason=asked.info["reason"],
        attempt=asked.attempt, fence=asked.fence, answer=wish.verdict, wake_at=wake_at, probes=probes,
        evidence={**dict(wish.evidence), "known_dead": bool(asked.info.get("known_dead"))},
    )  # fmt: skip
    if draft.is_graph_step(asked.path):
        park_unknown(draft, asked.path, wish.fence)


def late(draft: Draft, wish: LateOutcome) -> None:
    """Evidence of an outcome whose claim is gone; it may close a promise that is still unknown (L4)."""
    asked = draft.state.calls.get(wish.path)
    if asked is None or "invocation" not in asked.info:
        raise Illegal(f"job {draft.state.job}: no promise was made at {wish.path}")
    body: dict[str, Any] = {"error": dict(wish.outcome.error)} if wish.outcome.error else {}
    if wish.outcome.kind == "landed":
        body["result"] = wish.outcome.value
    draft.emit(
        "late_outcome", wish.path, invocation=asked.info["invocation"], status=wish.outcome.kind,
        attempt=wish.attempt, fence=wish.fence, **body,
    )  # fmt: skip
    same = asked.status == "unknown" and asked.attempt == wish.attempt and not draft.state.ended
    if same and wish.outcome.kind in ("landed", "not_landed", "not_sent"):
        who = Actor(id=f"claim:{wish.fence}", name="the call itself, late", kind="worker")
        verdict = "landed" if wish.outcome.kind == "landed" else "absent"
        _resolved(draft, asked, Answer(path=wish.path, verdict=verdict, by=who, result=wish.outcome.value))
