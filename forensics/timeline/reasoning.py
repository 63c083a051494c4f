"""One step in depth: goal, state before and after, what each attempt asked and was answered, and what differs. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

Event = Mapping[str, Any]
ENDS = {"node_finished": "finished", "node_failed": "failed", "lease_lost": "lease_lost", "job_parked": "parked",
        "node_retry_scheduled": "retry_scheduled", "node_skipped": "skipped"}  # fmt: skip


def reasoning(events: Iterable[Event], node: str, belongs: Any) -> dict[str, Any]:
    """What a step knew, asked, and was answered.

    Args:
        events: of the job in order, wire form with whole bodies; what is left of an erased one stands in its place.
        node: the step.
        belongs: whether a path is the step's own or that of a call inside it.

    Returns:
        `{node, goal, state: {before, after, delta}, attempts: [{attempt, fence, reason, worker, code, started_at, ended_at,
        end, error, calls: [...]}]}`; a call is `{path, kind, name, args, digest, status, result, error, citations, at,
        settled_at}`, that of a model has its request as `args` and its answer as `result`.
    """
    told = _Course(node)
    for event in events:
        if event["type"] == "job_created":
            told.goal = (event["body"] or {}).get("goal")
        elif event["node"] and belongs(event["node"]):
            told.take(event)
    return {
        "node": node, "goal": {"value": told.goal, "digest": told.snapshot.get("goal")},
        "state": {"before": told.snapshot.get("state_before"), "after": told.snapshot.get("state_after"),
                  "delta": told.snapshot.get("delta")},
        "attempts": told.attempts, "outcome": told.outcome,
    }  # fmt: skip


class _Course:
    def __init__(self, node: str) -> None:
        self.node, self.goal = node, None
        self.snapshot: Mapping[str, Any] = {}
        self.attempts: list[dict[str, Any]] = []
        self.outcome: dict[str, Any] | None = None
        self._asked: dict[str, dict[str, Any]] = {}

    def take(self, event: Event) -> None:
        body = event["body"] if event["body"] is not None else {"erased": True}
        kind, own = event["type"], event["node"] == self.node
        if own and kind == "node_started":
            self._begin(event, body)
        elif kind == "command_emitted":
            self._ask(event, body)
        elif kind in ("tool_invocation_started", "tool_invocation_finished", "outcome_unknown", "outcome_resolved",
                      "wait_completed", "child_finished"):  # fmt: skip
            self._answer(event, body)
        elif own and kind == "reasoning_snapshot":
            self.snapshot = body
        if own and kind in ENDS:
            self._end(event, body)

    def _begin(self, event: Event, body: Mapping[str, Any]) -> None:
        told = {name: body.get(name) for name in ("attempt", "reason", "worker", "code")}
        self.attempts.append({"fence": event["seq"], **told, "started_at": event["at"], "ended_at": None, "end": None,
                              "error": None, "calls": []})  # fmt: skip

    def _turn(self, event: Event) -> dict[str, Any]:
        if not self.attempts:  # a question or a map is asked without a claim
            self._begin(event, {"attempt": 0, "reason": "planned"})
        return self.attempts[-1]

    def _ask(self, event: Event, body: Mapping[str, Any]) -> None:
        self._asked[event["node"]] = {
            "path": event["node"], "kind": body.get("command"), "name": body.get("name"), "args": body.get("args"),
            "digest": body.get("digest"), "at": event["at"], **({"erased": True} if body.get("erased") else {}),
        }  # fmt: skip
        self._call(event)

    def _call(self, event: Event) -> dict[str, Any]:
        """The call as the attempt that is under way knows it."""
        calls = self._turn(event)["calls"]
        for each in calls:
            if each["path"] == event["node"]:
                found: dict[str, Any] = each
                return found
        asked = self._asked.get(event["node"], {"path": event["node"]})
        calls.append({**asked, "status": "asked", "settled_at": None})
        return calls[-1]

    def _answer(self, event: Event, body: Mapping[str, Any]) -> None:
        call = self._call(event)
        for name in (
            "invocation",
            "tool",
            "attempt",
            "key",
            "result",
            "error",
            "citations",
            "evidence",
            "verdict",
            "seconds",
        ):
            if name in body:
                call[name] = body[name]
        if event["type"] == "tool_invocation_started":
            call["status"] = "promised"
        elif event["type"] == "outcome_unknown":
            call["status"] = "unknown"
        else:
            call["status"] = body.get("status") or body.get("verdict") or "answered"
            call["settled_at"] = event["at"]
            call |= {"result": body["value"]} if "value" in body else {}
            call |= {"result": body["output"]} if "output" in body else {}

    def _end(self, event: Event, body: Mapping[str, Any]) -> None:
        turn = self._turn(event)
        if turn["end"] is None:
            turn |= {"ended_at": event["at"], "end": ENDS[event["type"]], "error": body.get("error")}
        if event["type"] in ("node_finished", "node_failed", "node_skipped"):
            self.outcome = {"end": ENDS[event["type"]], "result": body.get("result"), "error": body.get("error"),
                            "step_outcome": body.get("step_outcome")}  # fmt: skip
