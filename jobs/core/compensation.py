"""Compensation: what a job that ends undoes, in which order, and what it says of it at its end (design: E8)."""

from __future__ import annotations

from typing import Any

from .chain import digest_of
from .draft import Draft
from .evolve_compensation import to_be_undone
from .ids import compensation_step, invocation_id
from .state import Asked, JobState


def still_undoes(draft: Draft) -> bool:
    """Whether the job undoes an effect now; if none is under way, the one that landed last is put on the agenda.

    One at a time, so that what was built on an effect is gone before the effect itself is.
    """
    state = draft.state
    if not state.compensates:
        return False
    if any(state.nodes[name].kind == "compensation" for name in state.agenda):
        return True
    path = to_be_undone(state)
    if path is None:
        return False
    call = state.calls[path]
    draft.emit(
        "command_emitted", compensation_step(state.job, path), command="compensation", name=call.info["tool"],
        args=call.args, digest=digest_of(call.args), call=path,
    )  # fmt: skip
    return True


def undone_call(state: JobState, step: str) -> dict[str, str]:
    """Which call a compensation undoes: its ledger line and its path."""
    path = state.nodes[step].undoes
    return {"compensates": invocation_id(state.job, path), "call": path}


def has_undone(draft: Draft, step: str, fence: int) -> None:
    """The compensation has landed: the effect is undone, and the step is over."""
    asked = draft.state.calls[step]
    draft.emit(
        "compensation_finished", step, invocation=asked.info["invocation"], **undone_call(draft.state, step)
    )
    draft.emit(
        "node_finished", step, outcome="done", result=asked.value, fence=fence, step_outcome="compensated"
    )


def has_not_undone(draft: Draft, step: str, error: dict[str, Any]) -> None:
    """The compensation was given up; the others still run."""
    invocation = invocation_id(draft.state.job, step)
    draft.emit(
        "compensation_failed", step, invocation=invocation, error=error, **undone_call(draft.state, step)
    )


def report(state: JobState) -> dict[str, Any]:
    """What the terminal event says of the job's effects: those that were undone, and the others with the reason.

    `no_compensation` (the tool has none), `failed` (with the error), `outcome_unknown` (whether there is anything to
    undo), `world_diverged` (the world shows it no more), `recalled` (the effect is another job's), `child_completed` (it undoes nothing once it has completed).
    """
    undone, not_undone = [], []
    for asked in sorted(state.calls.values(), key=lambda each: (each.seq, each.path)):
        why = _not_undone(asked)
        if asked.compensated:
            undone.append(_named(state, asked))
        elif why is not None:
            not_undone.append({**_named(state, asked), **why})
    return {"undone": undone, "not_undone": not_undone}


def _not_undone(asked: Asked) -> dict[str, Any] | None:
    if asked.kind == "child":
        return {"reason": "child_completed"} if asked.status == "done" else None
    if asked.kind in ("llm", "compensation"):
        return None  # a model's answer changes nothing; a compensation is not undone itself
    if asked.info.get("settled_as") == "recalled":
        return None if asked.info["recalled"] == "pure" else {"reason": "recalled"}
    if asked.info.get("effect") in (None, "pure"):
        return None
    if "not_compensated" in asked.info:
        return {"reason": "failed", "error": asked.info["not_compensated"]}
    if asked.info.get("diverged"):
        return {"reason": "world_diverged"}
    if asked.landed:
        return {"reason": "no_compensation"}
    return {"reason": "outcome_unknown"} if _in_doubt(asked) else None


def _in_doubt(asked: Asked) -> bool:
    """Whether it may have happened: a person gave it up, or an idempotent call never answered."""
    ended = asked.info.get("settled_as")
    if asked.info.get("effect") == "transactional":
        return False  # it landed with its outcome, or was rolled back
    if ended in ("given_up", "no_answer", "abandoned"):
        return True
    return bool(asked.info.get("doubtful")) and ended in (None, "not_sent")


def _named(state: JobState, asked: Asked) -> dict[str, Any]:
    if asked.kind == "child":
        return {"node": asked.path, "agent": asked.name, "job": asked.info["job"]}
    return {"node": asked.path, "tool": asked.name, "invocation": invocation_id(state.job, asked.path)}
