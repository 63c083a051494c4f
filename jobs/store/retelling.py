"""What a job's remaining record says of its ledger lines: arguments, results, errors and keys, told once more."""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import sha256
from typing import Any

from ..core.chain import canonical
from ..core.erasing import MARK
from ..core.events import Fact
from ..core.evolve import evolve
from ..core.state import Asked, JobState

TELLS = ("tool_invocation_started", "tool_invocation_finished", "outcome_unknown", "outcome_resolved")


def told(job: str, facts: Iterable[Fact]) -> tuple[JobState, dict[str, dict[str, Any]]]:
    """What a record folds to; and for each ledger line the columns that hold what somebody said."""
    state, lines = JobState(job=job), dict[str, dict[str, Any]]()
    for fact in facts:
        state = evolve(state, fact)
        if fact.type not in TELLS:
            continue
        line = lines.get(fact.body["invocation"])
        if line is None:
            line = lines[fact.body["invocation"]] = {}
        elif (
            fact.type == "tool_invocation_started"
        ):  # another attempt at the call that the line was opened for
            line["error"] = ""
            continue
        line.update(_columns(state, fact))
    return state, lines


def arguments(state: JobState, asked: Asked) -> tuple[str, str]:
    """A call's arguments as its line holds them, and their digest; of erased ones only where a key depends on it."""
    text = canonical(asked.args)
    if asked.seq in state.erased and isinstance(asked.args, dict) and MARK.items() <= asked.args.items():
        return text, str(asked.args.get("sha256", ""))
    return text, sha256(text.encode("ascii")).hexdigest()


def _columns(state: JobState, fact: Fact) -> dict[str, Any]:
    body, asked = fact.body, state.calls[fact.node]
    if fact.type == "tool_invocation_started":
        return {**_named(state, asked, body["business_key"]), "error": ""}
    if fact.type == "outcome_unknown":
        return {"error": canonical({"reason": body["reason"], "evidence": body.get("evidence", {})})}
    if body.get("status") == "recalled":
        return {
            **_named(state, asked, body["recalled_from"]["business_key"]),
            "result": canonical(body["result"]),
        }
    error = canonical(body["error"]) if "error" in body else ""
    if "unstorable" in body:
        error = canonical({"code": "result_unstorable", **body["unstorable"]})
    return {"error": error, **({"result": canonical(body["result"])} if "result" in body else {})}


def _named(state: JobState, asked: Asked, key: str | None) -> dict[str, Any]:
    text, digest = arguments(state, asked)
    return {"args": text, "args_digest": digest, "business_key": key}
