"""Deliveries that events imply: what one job owes another (Law L7)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from ledger import services as ledger

from ..core.chain import canonical
from ..core.events import TERMINALS, Fact
from ..core.ids import uuid_from
from ..core.moments import parse
from ..core.state import JobState
from ..models import Delivery
from . import line, notices


def write(state: JobState, facts: Sequence[Fact]) -> bool:
    """Write what the facts leave this job owing; tells whether anything is due now."""
    due = notices.write(state, facts)
    for fact in facts:
        if fact.type == "child_started" and "copied" not in fact.body:  # else it is the other job's child
            _owe(state, fact, fact.body["job"], "create", _birth(state, fact))
            due = True
        elif fact.type == "job_created" and state.forked is not None:
            _owe(state, fact, state.forked["job"], "forked", _provenance(state))
            due = True
        elif fact.type == "command_emitted" and "job" in _sending(fact):
            _owe(state, fact, fact.body["args"]["job"], "message_instance", _letter(state, fact))
            due = True
        elif fact.type == "job_parked" and fact.body["kind"] == "effect":
            due |= _await_effect(state, fact)
        elif fact.type in TERMINALS:
            due |= _at_the_end(state, fact)
            if state.message is not None:
                due |= line.ended(state, parse(fact.at))
    return due


def _birth(state: JobState, fact: Fact) -> dict[str, Any]:
    return {
        "agent": fact.body["agent"],
        "goal": fact.body["goal"],
        "actor": dict(state.requester),
        "parent": {"job": state.job, "node": fact.node},
        "priority": state.priority,
        "on_failure": state.on_failure,
        **({"retries": fact.body["retries"]} if "retries" in fact.body else {}),
    }


def _provenance(state: JobState) -> dict[str, Any]:
    """What the job that this one comes from has to note."""
    assert state.forked is not None
    return {
        "fork": state.job,
        "at": state.forked["seq"],
        "how": state.forked["how"],
        "actor": dict(state.requester),
    }


def _sending(fact: Fact) -> Mapping[str, Any]:
    """What a message to an agent instance says; nothing for any other command, or one that was sent before."""
    body = fact.body
    return body["args"] if body["command"] == "send" and "copied" not in body else {}


def _letter(state: JobState, fact: Fact) -> dict[str, Any]:
    told = fact.body["args"]
    return {
        "instance": told["instance"], "agent": told["agent"], "version": told["version"], "body": told["goal"],
        "due": told["due"], "actor": dict(state.requester), "sender": {"job": state.job, "node": fact.node},
    }  # fmt: skip


def _at_the_end(state: JobState, fact: Fact) -> bool:
    """What a job's end leaves it owing its children and its parent; tells whether it is anything."""
    children = [
        (path, asked)
        for path, asked in sorted(state.calls.items())
        if asked.kind == "child" and asked.status == "waiting"
    ]
    for path, asked in children:
        reason: dict[str, Any] = {"reason": f"parent job {state.job} ended as {state.phase}"}
        if state.compensates:
            reason["compensate"] = True
        _owe(state, fact, asked.info["job"], "cancel", reason, salt=path)
    if state.parent:
        error = state.failure["error"] if state.failure and state.phase == "failed" else None
        told = {"path": state.parent["node"], "job": state.job, "status": state.phase, "output": state.output}
        _owe(state, fact, state.parent["job"], "end_child", {**told, "error": error})
    return bool(children or state.parent)


def _await_effect(state: JobState, fact: Fact) -> bool:
    """Hold a wake-up back until the other call is settled; if it is already, it is due at once. Tells which."""
    holder = fact.body["name"]
    held = ledger.still_open(holder)
    body = {"path": fact.node, "step": state.calls[fact.node].node}
    _owe(state, fact, state.job, "unhold", body, awaits=holder if held else None)
    return not held


def _owe(
    state: JobState,
    fact: Fact,
    job: str,
    command: str,
    body: dict[str, Any],
    *,
    salt: str = "",
    awaits: str | None = None,
) -> None:
    Delivery.objects.create(
        id=uuid_from("aetheris.delivery.v1", state.job, str(fact.seq), command, salt), tenant=state.tenant,
        job_id=job, command=command, body=canonical(body), created_at=parse(fact.at), awaits=awaits,
        wake_at=None if awaits else parse(fact.at),
    )  # fmt: skip


def settled(invocation: str, at: datetime) -> bool:
    """A call that others wait for is settled: what was held back is due. Tells whether anybody waited."""
    return Delivery.objects.filter(awaits=invocation).update(awaits=None, wake_at=at) > 0
