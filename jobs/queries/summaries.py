"""Each event in one line, for timelines."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ..core.events import KINDS, Fact

WIDTH = 200


def summary(fact: Fact) -> str:
    """One line about an event: what happened, with the names that matter."""
    say = LINES.get(fact.type)
    if say is None or not fact.body:
        return KINDS[fact.type].meaning if fact.type in KINDS else fact.type
    text = " ".join(say(fact.body).split())
    if "copied" in fact.body:
        text = f"{text} (as at event {fact.body['copied']} of the other job)"
    return text if len(text) <= WIDTH else text[: WIDTH - 1] + "…"


def _who(body: Mapping[str, Any], name: str = "actor") -> str:
    actor = body.get(name)
    return str(actor.get("name") or actor.get("id")) if isinstance(actor, Mapping) else "the runtime"


def _wrong(error: Any) -> str:
    if isinstance(error, Mapping):
        return str(error.get("message") or error.get("code") or error)
    return str(error)


def _because(body: Mapping[str, Any]) -> str:
    return f": {body['reason']}" if body.get("reason") else ""


def _undone(body: Mapping[str, Any]) -> str:
    told = body.get("compensation")
    if not told:
        return ""
    return f"; {len(told['undone'])} effects undone, {len(told['not_undone'])} not"


def _decided(body: Mapping[str, Any]) -> str:
    decision = f"{body['decision']} to {_who(body, 'to')}" if body.get("to") else body["decision"]
    said = f"{_who(body)}: {decision} ({body['effect']})"
    return f"{said}: {body['comment']}" if body.get("comment") else said


def _created(body: Mapping[str, Any]) -> str:
    source = body.get("forked_from")
    came = f": {source['how']} of job {source['job']} at event {source['seq']}" if source else ""
    return f"{_who(body)} asked {body['agent']}@{body['version']}{came}"


LINES: dict[str, Callable[[Mapping[str, Any]], str]] = {
    "job_created": _created,
    "job_forked": lambda body: f"{_who(body)}: {body['how']} at event {body['at']} as job {body['job']}",
    "plan_generated": lambda body: f"planned {len(body['plan']['nodes'])} steps",
    "node_started": lambda body: f"attempt {body['attempt']} on {body['worker']} ({body['reason']})",
    "command_emitted": lambda body: f"asks for {body['command']} {body['name']}",
    "tool_invocation_started": lambda body: (
        f"promises {body['tool']} ({body['effect']}), attempt {body['attempt']}"
    ),
    "tool_invocation_finished": lambda body: f"{body['tool']}: {body['status']}",
    "command_committed": lambda body: f"settled: {body['outcome']}",
    "effect_recorded": lambda body: f"read {body['kind']}",
    "node_finished": lambda body: f"{body['outcome']}",
    "node_failed": lambda body: f"failed: {_wrong(body['error'])}",
    "node_retry_scheduled": lambda body: f"attempt {body['attempt']} failed, again at {body['wake_at']}",
    "node_skipped": lambda body: f"skipped ({body['reason']})",
    "lease_lost": lambda body: f"{body['worker']} lost its claim ({body['reason']})",
    "outcome_unknown": lambda body: f"nobody knows whether it happened ({body['reason']})",
    "outcome_resolved": lambda body: f"{_who(body, 'by')}: {body['verdict']}",
    "job_parked": lambda body: f"waits for {body['kind']} {body['name']}",
    "signal_received": lambda body: f"{_who(body)} sent the signal {body['name']}",
    "message_received": lambda body: f"{_who(body)} wrote on {body['channel']}",
    "wait_completed": lambda body: (
        f"{body['kind']} {body['name']} {'timed out' if body['timed_out'] else 'came'}"
    ),
    "approval_requested": lambda body: f"asks: {body['question']}",
    "approval_decided": _decided,
    "child_started": lambda body: f"starts {body['agent']} as job {body['job']}",
    "child_finished": lambda body: f"job {body['job']}: {body['status']}",
    "job_paused": lambda body: f"{_who(body)} paused it{_because(body)}",
    "job_resumed": lambda body: f"{_who(body)} resumed it{_because(body)}",
    "job_failing": lambda body: f"failing at {body['node']}: {_wrong(body['error'])}",
    "job_cancelling": lambda body: f"{_who(body)} cancels it{_because(body)}",
    "job_completed": lambda body: f"completed ({body['outcome']})",
    "compensation_started": lambda body: f"begins to undo {body['call']}",
    "compensation_finished": lambda body: f"has undone {body['call']}",
    "compensation_failed": lambda body: f"has not undone {body['call']}: {_wrong(body['error'])}",
    "job_failed": lambda body: f"failed at {body['node']}: {_wrong(body['error'])}{_undone(body)}",
    "job_cancelled": lambda body: f"{_who(body)} cancelled it{_because(body)}{_undone(body)}",
}
