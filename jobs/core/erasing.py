"""What stays legible of an event whose body is erased: ids, kinds, moments and outcomes, never what was said. Pure.

No digest of what was erased stays either, because a short value can be guessed from it; but for keys that must never be
used twice, and the arguments and the request that such a key stands for (docs/retention.md).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any

from ledger.canonical import erased_key

from .blank_plan import blank_plan
from .chain import digest_of
from .commands import EraseBodies
from .draft import Draft
from .errors import Illegal
from .events import Fact
from .state import WAITS

MARK: Mapping[str, Any] = {"erased": True}  # in the place of what was erased
WORD = "erased"  # in the place of words that must be text
AT_ONCE = 500  # events that one afterword names
# Of what a wait or a message was asked with: who, when and how long, but not what about.
TERMS = frozenset(
    {
        "agent", "channel", "deadline", "due", "escalate_to", "four_eyes", "groups", "instance", "job", "on_timeout", "quorum",
        "seconds", "users", "version",
    }
)  # fmt: skip

Body = Mapping[str, Any]
Rule = Callable[[Any], Any]


def legible(fact: Fact, keyed: Collection[str] = ()) -> dict[str, Any]:
    """The body that stands for an erased one: the same members, without their content.

    Args:
        fact: the event, whole.
        keyed: paths of calls with a business key, of which the digest of the arguments stays.
    """
    rules = RULES.get(fact.type, {})
    kept = {name: rules[name](value) if name in rules else value for name, value in fact.body.items()}
    if fact.type == "command_emitted":
        kept["args"] = _asked(fact, fact.node in keyed)
    elif fact.type == "node_finished" and "taken" in fact.body:
        kept["result"] = {"taken": fact.body["taken"]}  # which way a branch went is no content
    elif fact.type == "wait_completed":
        kept["value"] = _answer(fact.body)
    return kept


def erasable(fact: Fact, keyed: Collection[str] = ()) -> bool:
    """Whether an event has content that is not erased yet."""
    return fact.type != "payload_erased" and not fact.body.get("erased") and legible(fact, keyed) != fact.body


def told(afterword: Body) -> dict[int, tuple[str, dict[str, Any]]]:
    """By number, of each event that an afterword says was erased: its digest, and what stays legible of it."""
    named = zip(afterword["seq"], afterword["digests"], afterword["legible"], strict=True)
    return {seq: (digest, {**body, **MARK}) for seq, digest, body in named}


def keyed_paths(facts: Iterable[Fact]) -> frozenset[str]:
    """The paths of the calls that were promised, or recalled, under a business key."""
    found = set()
    for fact in facts:
        if fact.type == "tool_invocation_started" and fact.body["business_key"]:
            found.add(fact.node)
        elif fact.type == "tool_invocation_finished" and fact.body.get("recalled_from", {}).get(
            "business_key"
        ):
            found.add(fact.node)
    return frozenset(found)


def erase(draft: Draft, wish: EraseBodies) -> None:
    """Say which bodies are erased, by whom, why and on what legal basis; a body that is erased already is left out."""
    state = draft.state
    if not state.ended:
        raise Illegal(
            f"job {state.job} is {state.status}: only what a job has finished with is erased; cancel it, or wait for its end",
            code="job_running",
        )
    left = [each for each in wish.bodies if each.seq not in state.erased]
    for start in range(0, len(left), AT_ONCE):
        some = left[start : start + AT_ONCE]
        draft.emit(
            "payload_erased", seq=[each.seq for each in some], digests=[each.digest for each in some],
            legible=[dict(each.legible) for each in some], count=len(some), actor=wish.actor.to_json(),
            reason=wish.reason, basis=wish.basis,
        )  # fmt: skip


# --- what becomes of each member ---------------------------------------------------------------------------


def _content(value: Any) -> Any:
    """Anything that somebody said; what is empty says nothing."""
    return value if value is None or value in ("", [], {}) else dict(MARK)


def _nothing(value: Any) -> Any:
    return type(value)() if isinstance(value, str | list | dict) else None


def _error(error: Any) -> Any:
    """Of an error which one, and where; of its words none."""
    if not isinstance(error, Mapping) or not error:
        return _content(error)
    kept: dict[str, Any] = {name: error[name] for name in ("code", "class", "node", "path") if name in error}
    if "errors" in error:
        kept["errors"] = _errors(error["errors"])
    return {**kept, "message": WORD, **MARK}


def _errors(errors: Any) -> Any:
    if not isinstance(errors, Mapping):
        return _content(errors)
    return {index: _error(each) for index, each in errors.items()}


def _evidence(evidence: Any) -> Any:
    if not isinstance(evidence, Mapping):
        return _content(evidence)
    return {name: evidence[name] for name in ("known_dead",) if name in evidence}


def _unstorable(problem: Body) -> dict[str, Any]:
    return {"type": problem.get("type"), "size": problem.get("size"), "reason": WORD, **MARK}


def _key(key: str | None) -> str | None:
    return None if key is None else erased_key(key)


def _source(source: Body) -> dict[str, Any]:
    return {**source, "business_key": _key(source.get("business_key"))}


def _instance(instance: Any) -> Any:
    if not isinstance(instance, Mapping) or not instance.get("message"):
        return instance
    return {**instance, "message": _key(instance["message"])}


def _compensation(report: Body) -> dict[str, Any]:
    left = [
        {**each, "error": _error(each["error"])} if "error" in each else each for each in report["not_undone"]
    ]
    return {**report, "not_undone": left}


def _asked(fact: Fact, keyed: bool) -> Any:
    args, command = fact.body["args"], fact.body["command"]
    if command in WAITS or command == "send":
        return {**{name: value for name, value in args.items() if name in TERMS}, **MARK}
    return {**MARK, "sha256": digest_of(args)} if keyed else _content(args)


def _answer(body: Body) -> Any:
    value = body["value"]
    if body["kind"] == "agent":
        return {**value, "state": {}}
    if body["kind"] == "approval" and isinstance(value, Mapping):
        return {**value, "comment": "", "form": None}
    return _content(value)


_SNAPSHOT: Mapping[str, Rule] = {
    "goal": _nothing, "state_before": _nothing, "state_after": _nothing, "delta": _content, "llm_request": _content,
    "llm_response": _content, "inputs": _content,
}  # fmt: skip

# By kind, the members that hold content, each with what is left of it. What is not named here stays as it is.
RULES: Mapping[str, Mapping[str, Rule]] = {
    "job_created": {"goal": _content, "state": _nothing, "instance": _instance},
    "plan_generated": {"plan": blank_plan, "plan_hash": _nothing},
    "command_emitted": {"digest": _nothing},
    "tool_invocation_started": {"business_key": _key},
    "tool_invocation_finished": {
        "result": _content, "error": _error, "citations": _nothing, "unstorable": _unstorable, "recalled_from": _source,
    },
    "command_committed": {"error": _error},
    "reasoning_snapshot": _SNAPSHOT,
    "node_finished": {"result": _content, "errors": _errors},
    "node_failed": {"error": _error},
    "node_retry_scheduled": {"error": _error},
    "outcome_unknown": {"evidence": _evidence},
    "outcome_resolved": {"evidence": _evidence, "result": _content, "comment": _nothing},
    "job_parked": {"error": _content},
    "signal_received": {"payload": _content, "id": _key},
    "message_received": {"payload": _content, "id": _key},
    "approval_requested": {
        "question": _content, "shown": _content, "releases": _nothing, "digest": _nothing, "form": _nothing,
    },
    "approval_decided": {"comment": _nothing, "digest": _nothing, "form": _nothing},
    "child_started": {"goal": _content},
    "child_finished": {"output": _content, "error": _error},
    "compensation_failed": {"error": _error},
    "job_paused": {"reason": _nothing},
    "job_resumed": {"reason": _nothing},
    "job_failing": {"error": _error},
    "job_cancelling": {"reason": _nothing},
    "job_completed": {"output": _content},
    "job_failed": {"error": _error, "compensation": _compensation},
    "job_cancelled": {"reason": _nothing, "compensation": _compensation},
    "world_confirmed": {"evidence": _evidence},
    "world_diverged": {"evidence": _evidence},
    "late_outcome": {"result": _content, "error": _error},
}  # fmt: skip
