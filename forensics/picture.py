"""What a job is at one moment, as a document with a digest; and how two such documents differ. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from jobs.core.chain import digest_of
from jobs.core.parked import parked_on
from jobs.core.state import Asked, JobState, Node

MOST = 1000  # differences that are listed
_NOTHING = object()


def picture(state: JobState) -> dict[str, Any]:
    """A job's state as a document.

    Args:
        state: what its events fold to.

    Returns:
        Status, goal, `state` (what the agent keeps), steps, the questions that are open, letters that wait, votes, output;
        `erased` are the numbers of events whose bodies are gone, so that what they told is missing. `digest` is of all
        this and of every answer that is on record; two events that change nothing leave the same digest.
    """
    shown = {
        "agent": state.agent,
        "version": state.version,
        "status": state.status,
        "phase": state.phase,
        "goal": state.goal,
        "state": dict(state.data.items()),
        "parked_on": parked_on(state),
        "nodes": {name: _node(node) for name, node in sorted(state.nodes.items())},
        "open": {path: _open(asked) for path, asked in sorted(state.calls.items()) if not asked.settled},
        "calls": dict(sorted(Counter(asked.status for asked in state.calls.values()).items())),
        "letters": {name: [mail.id for mail in waiting] for name, waiting in sorted(state.mail.items()) if waiting},
        "votes": {path: [dict(vote) for vote in votes] for path, votes in sorted(state.votes.items())},
        "output": state.output,
        "outcome": state.outcome,
        "failure": dict(state.failure) if state.failure else None,
    }  # fmt: skip
    digest = digest_of({**shown, "plan": state.plan_hash, "answers": digest_of(_answers(state))})
    place = {
        "job": state.job,
        "seq": state.seq,
        "at": state.at,
        "digest": digest,
        "erased": sorted(state.erased),
    }
    return {**place, **shown}


def _node(node: Node) -> dict[str, Any]:
    return {
        "kind": node.kind,
        "status": node.status,
        "attempt": node.attempt,
        "worker": node.worker if node.status == "running" else "",
        "wake_at": node.wake_at,
        "reason": node.reason,
        "result": node.result,
        "error": dict(node.error) if node.error else None,
    }


def _open(asked: Asked) -> dict[str, Any]:
    return {
        "kind": asked.kind, "name": asked.name, "status": asked.status, "attempt": asked.attempt, "wake_at": asked.wake_at,
        "invocation": asked.info.get("invocation"),
    }  # fmt: skip


def _answers(state: JobState) -> dict[str, Any]:
    """Every question with its answer, each as one digest: there may be very many, and large ones."""
    return {
        path: digest_of([asked.kind, asked.name, asked.digest, asked.status, asked.value, asked.error])
        for path, asked in state.calls.items()
    }


def differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> tuple[list[dict[str, Any]], int]:
    """What changed from one document to another.

    Args:
        before: of the earlier event.
        after: of the later one.

    Returns:
        The changes, `{path, change, before, after}`, in the order of paths, at most `MOST`; and how many there are beside them. A
        path is the list of keys that lead there; what is missing on one side is None there, and `change` says so.
    """
    found = list(_differences((), before, after))
    return found[:MOST], max(len(found) - MOST, 0)


def _differences(path: tuple[str, ...], before: Any, after: Any) -> Iterator[dict[str, Any]]:
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        for key in sorted({*before, *after}):
            yield from _differences((*path, key), before.get(key, _NOTHING), after.get(key, _NOTHING))
    elif before is _NOTHING or after is _NOTHING:
        how = "added" if before is _NOTHING else "removed"
        yield {"path": list(path), "change": how, "before": _value(before), "after": _value(after)}
    elif type(before) is not type(after) or before != after:
        yield {"path": list(path), "change": "changed", "before": before, "after": after}


def _value(value: Any) -> Any:
    return None if value is _NOTHING else value
