"""Ledger lines that events imply: a promise reserves one, an outcome settles it."""

from __future__ import annotations

from collections.abc import Sequence

from ledger import services as ledger

from ..core.chain import canonical, digest_of, digest_of_text
from ..core.events import Fact
from ..core.moments import parse
from ..core.state import JobState
from . import debts

SETTLEMENTS = frozenset({"tool_invocation_finished", "outcome_unknown", "outcome_resolved"})
RESOLVED = {"landed": "landed", "absent": "absent", "fail": "given_up"}


def write(state: JobState, facts: Sequence[Fact]) -> bool:
    """Write what the facts say into the book, in their order; tells whether somebody waited for a settlement."""
    awaited = False
    if facts[0].type == "job_created":
        ledger.adopt_all(_adopted(state, facts))
        facts = [fact for fact in facts if "copied" not in fact.body]
    _queue_up(state, facts)
    for fact in facts:
        if fact.type == "tool_invocation_started":
            ledger.reserve(line_of(state, fact))
        elif fact.type == "tool_invocation_finished":
            awaited |= _finished(state, fact)
        elif fact.type == "outcome_unknown":
            reason = canonical({"reason": fact.body["reason"], "evidence": fact.body.get("evidence", {})})
            ledger.settle(fact.body["invocation"], "unknown", at=None, error=reason)
        elif fact.type == "outcome_resolved":
            awaited |= _settle(state, fact, RESOLVED[fact.body["verdict"]])
        elif fact.type == "compensation_finished":
            ledger.compensated(fact.body["compensates"])
    return awaited


def _queue_up(state: JobState, facts: Sequence[Fact]) -> None:
    """Lock the lines that other jobs may want too, in one order, if this append touches several of them."""
    lines, keys = set(), set()
    for fact in facts:
        if fact.type == "tool_invocation_started" and fact.body["holds"]:
            keys.add((fact.body["tool"], fact.body["business_key"]))
        elif fact.type in SETTLEMENTS and state.calls[fact.node].info.get("holds"):
            lines.add(fact.body["invocation"])
        elif fact.type == "compensation_finished":
            lines.add(fact.body["compensates"])
        elif fact.type == "job_parked" and fact.body["kind"] == "effect":
            lines.add(fact.body["name"])
    if len(lines) + len(keys) > 1:
        ledger.queue_up(state.tenant, lines, keys)


def line_of(state: JobState, fact: Fact) -> ledger.Line:
    """The ledger line of a promise."""
    body, args = fact.body, canonical(state.calls[fact.node].args)
    return ledger.Line(
        id=body["invocation"], tenant=state.tenant, job=state.job, node=fact.node, tool=body["tool"],
        version=body["version"], schema=body["schema"], effect=body["effect"], key=body["key"],
        business_key=body["business_key"], holds=body["holds"], args=args, args_digest=digest_of_text(args), attempt=body["attempt"], fence=body["fence"], probe=body["probe"],
        deadline=parse(body["deadline"]), at=parse(fact.at), compensates=body.get("compensates"),
    )  # fmt: skip


def _finished(state: JobState, fact: Fact) -> bool:
    if fact.body["status"] != "recalled":
        return _settle(state, fact, fact.body["status"])
    ledger.adopt(*_recalled(state, fact))
    return False


def _adopted(state: JobState, facts: Sequence[Fact]) -> list[tuple[ledger.Line, str, str]]:
    """The lines of the calls that a job is born with."""
    return [
        _recalled(state, fact)
        for fact in facts
        if fact.type == "tool_invocation_finished" and "copied" in fact.body
    ]


def _recalled(state: JobState, fact: Fact) -> tuple[ledger.Line, str, str]:
    """The line of a recall, its result, and the call that it comes from."""
    body, asked = fact.body, state.calls[fact.node]
    source = body["recalled_from"]
    line = ledger.Line(
        id=body["invocation"], tenant=state.tenant, job=state.job, node=fact.node, tool=body["tool"],
        version=source["version"], schema=source["schema"], effect=source["effect"], key=source["key"],
        business_key=source["business_key"], holds=False, args=canonical(asked.args), args_digest=digest_of(asked.args),
        attempt=max(1, body["attempt"]), fence=body["fence"], probe=False, deadline=parse(fact.at), at=parse(fact.at),
    )  # fmt: skip
    return line, canonical(body["result"]), source["invocation"]


def _settle(state: JobState, fact: Fact, status: str) -> bool:
    result, error = said_of(fact)
    ledger.settle(fact.body["invocation"], status, at=parse(fact.at), result=result, error=error)
    held_a_key = bool(state.calls[fact.node].info.get("holds"))  # only then may others wait for it
    return held_a_key and debts.settled(fact.body["invocation"], parse(fact.at))


def said_of(fact: Fact) -> tuple[str | None, str]:
    """The result (None: there is none) and the error of a settlement, as the line holds them."""
    body = fact.body
    result = canonical(body["result"]) if "result" in body else None
    error = canonical(body["error"]) if "error" in body else ""
    if "unstorable" in body:
        error = canonical({"code": "result_unstorable", **body["unstorable"]})
    return result, error
