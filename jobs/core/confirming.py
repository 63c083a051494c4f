"""Confirmation: what the world shows of landed effects, and what follows when it shows one no more (design: E7)."""

from __future__ import annotations

from typing import Any

from ledger.retry import Retry

from .commands import Accept, Confirm, Seen
from .draft import Draft
from .errors import Illegal, NotFound, Stale
from .evolve_world import held_by
from .ids import invocation_id
from .moments import plus
from .state import Asked, JobState, Node

CONFIRM_RETRY = Retry(max_attempts=10, backoff=2, factor=2, max_backoff=600, jitter=0.2)


def confirm(draft: Draft, wish: Confirm) -> None:
    """Keep what was seen; for a step that wants to go on, do what it means for the step too.

    What has changed since somebody looked (the effect was undone, another worker was faster) is left out.
    """
    if wish.step and not may_go_on(draft.state, draft.state.nodes.get(wish.step), draft.now):
        return
    vain: Seen | None = None
    for seen in wish.seen:
        if _is_asked_for(draft.state, seen.path, wish.step):
            vain = vain or (seen if seen.holds is None else None)
            _tell(draft, seen, wish)
    if vain is not None and wish.step and draft.state.phase == "open":
        _try_later(draft, vain, wish.step)


def may_go_on(state: JobState, node: Node | None, now: str) -> bool:
    """Whether a worker would claim this step now, if nothing were in doubt."""
    if node is None or node.id not in state.agenda or state.phase != "open" or state.paused:
        return False
    if node.status == "ready":
        return True
    return node.status in ("backoff", "parked") and node.wake_at is not None and node.wake_at <= now


def _is_asked_for(state: JobState, path: str, step: str) -> bool:
    asked = state.calls.get(path)
    if asked is None or not asked.landed or not asked.info.get("confirm"):
        return False
    return not step or path in state.doubts


def _tell(draft: Draft, seen: Seen, wish: Confirm) -> None:
    asked = draft.state.calls[seen.path]
    common: dict[str, Any] = {"invocation": asked.info["invocation"], "actor": wish.by.to_json()}
    if wish.step:
        common["step"] = wish.step
    if seen.holds:
        draft.emit("world_confirmed", seen.path, **common)
        _release(draft, asked)
    elif seen.holds is not None:
        mode = asked.info["confirm"]
        draft.emit("world_diverged", seen.path, evidence=dict(seen.evidence), mode=mode, **common)
        if draft.state.phase == "open":
            _follow(draft, asked, mode, wish.step)


def _follow(draft: Draft, asked: Asked, mode: str, step: str) -> None:
    if mode == "strict":
        draft.emit("job_failing", node=asked.node, error=_gone(draft.state, asked))
    elif mode == "park" and step and draft.state.nodes[step].hold is None:
        draft.emit("job_parked", step, kind="world", name=asked.info["invocation"], call=asked.path)


def _gone(state: JobState, asked: Asked) -> dict[str, Any]:
    message = (
        f"tool {asked.info['tool']} landed at {asked.path} (invocation {asked.info['invocation']}), but the world "
        f"shows it no more; job {state.job} does not build on it. Nothing was executed again"
    )
    return {"code": "world_diverged", "message": message, "path": asked.path, "tool": asked.info["tool"],
            "invocation": asked.info["invocation"]}  # fmt: skip


def _try_later(draft: Draft, seen: Seen, step: str) -> None:
    """Nobody could tell: look again later, and in the end leave it to a person."""
    attempt = draft.state.doubts.get(seen.path, 0) + 1
    later = attempt < CONFIRM_RETRY.max_attempts
    wake_at = plus(draft.now, CONFIRM_RETRY.delay(attempt, draft.at.dice)) if later else None
    draft.emit(
        "job_parked", step, kind="world", name=invocation_id(draft.state.job, seen.path), call=seen.path,
        attempt=attempt, error=dict(seen.evidence), wake_at=wake_at,
    )  # fmt: skip


def _release(draft: Draft, asked: Asked) -> None:
    """What was held for this effect goes on."""
    if draft.state.phase == "open":
        for step in held_by(draft.state, asked.info["invocation"]):
            look_again(draft, step, timed_out=False)


def look_again(draft: Draft, step: str, *, timed_out: bool) -> None:
    """A step that is held for the sake of an effect is ready again: whoever claims it asks the world first."""
    hold = draft.state.nodes[step].hold
    assert hold is not None
    draft.emit(
        "wait_completed", step, kind="world", name=hold[1], value=None, source=None, timed_out=timed_out
    )


def accept(draft: Draft, wish: Accept) -> None:
    """A person lets the job go on although the world does not show an effect, or nobody could tell."""
    draft.alive("acceptance")
    asked = draft.state.calls.get(wish.path)
    if asked is None or "invocation" not in asked.info:
        raise NotFound(f"job {draft.state.job}: there is no call {wish.path}")
    held = held_by(draft.state, asked.info["invocation"])
    gone = bool(asked.info.get("diverged"))
    if asked.path not in draft.state.standing or not (gone or held):
        raise Stale(
            f"job {draft.state.job}, call {wish.path}: the world is not known to differ, and nothing waits for it; "
            "look at the job again",
            code="not_diverged",
        )
    if draft.state.phase != "open":
        raise Illegal(
            f"job {draft.state.job} is {draft.state.phase}: there is nothing to accept", code="job_ending"
        )
    common: dict[str, Any] = {
        "invocation": asked.info["invocation"], "actor": wish.by.to_json(), "accepted": True,
        "evidence": {"comment": wish.comment},
    }  # fmt: skip
    more = {"mode": asked.info["confirm"]} if gone else {}
    draft.emit("world_diverged" if gone else "world_confirmed", asked.path, **common, **more)
    _release(draft, asked)
