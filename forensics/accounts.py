"""The ledger's lines as the events tell them: a second reading, apart from the one that writes the book."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any
from uuid import UUID

from jobs.core.chain import canonical
from jobs.core.events import Fact
from jobs.core.moments import parse
from jobs.core.state import PLAN_STEP, JobState
from ledger.models import OPEN, RELEASES_ITS_KEY

VERDICTS = {"landed": "landed", "absent": "absent", "fail": "given_up"}
Columns = dict[str, Any]
Lines = dict[UUID, tuple[int, Columns]]


@dataclass(frozen=True)
class Asked:
    """When a question was put, and the last event that speaks of it."""

    at: str
    last: int
    last_at: str


@dataclass
class Account:
    """What the events of a job say beside the state that they fold to; taken in one after the other.

    `lines`: by a ledger line's id the number of the last event that speaks of it, and all its columns. `questions`: by
    the path of an approval. `turn`: the event that gave the job its turn at an agent instance. `kin`: other jobs that
    must have been there, each with the number of the event that says so. `tenants`: likewise those of the stored rows. `never_made`: children that take up the work of another job, which may
    have ended meanwhile, so that its end is theirs and they are never made.
    """

    lines: Lines = field(default_factory=dict)
    questions: dict[str, Asked] = field(default_factory=dict)
    turn: Fact | None = None
    kin: dict[str, int] = field(default_factory=dict)
    tenants: dict[str, int] = field(default_factory=dict)
    never_made: set[str] = field(default_factory=set)

    def take(self, state: JobState, fact: Fact) -> None:
        """Take in one event; `state` is what the events up to it fold to."""
        for job in kin_of(fact):
            if job not in self.never_made:
                self.kin.setdefault(job, fact.seq)
        if fact.type == "child_started" and fact.body.get("retries"):
            self.never_made.add(fact.body["job"])
        told = TELLS.get(fact.type)
        if told is not None:
            key = UUID(fact.body["compensates" if fact.type == "compensation_finished" else "invocation"])
            before = self.lines[key][1] if key in self.lines else None
            self.lines[key] = fact.seq, told(state, fact, before)
        elif fact.type in ("approval_requested", "approval_decided"):
            begun = self.questions.get(fact.node)
            self.questions[fact.node] = Asked(begun.at if begun else fact.at, fact.seq, fact.at)
        elif self.turn is None and "turn" in turn_of(fact):
            self.turn = fact

    def pending(self) -> list[dict[str, Any]]:
        """The calls of which the events tell no end yet: promised, or unknown."""
        names = ("node", "tool", "idempotency_key", "business_key", "state")
        open_lines = ((key, line) for key, (_, line) in self.lines.items() if line["state"] in OPEN)
        return [{"invocation": str(key), **{name: line[name] for name in names}} for key, line in open_lines]


def account_of(states: Iterable[tuple[JobState, Fact]]) -> Account:
    """The account of a whole history: every event with the state that it led to."""
    account = Account()
    for state, fact in states:
        account.take(state, fact)
    return account


def kin_of(fact: Fact) -> list[str]:
    """The other jobs that an event says have been there: of which it comes, that come of it, that ended for it."""
    body = fact.body
    if fact.type == "job_created":
        return [told["job"] for told in (body.get("parent"), body.get("forked_from")) if told]
    ended = fact.type == "child_finished" and body.get("status") == "completed"
    if fact.type == "job_forked" or (
        ended and "copied" not in body
    ):  # of a copied one the source speaks itself
        return [body["job"]]
    return []


def turn_of(fact: Fact) -> dict[str, Any]:
    """What the giving of a turn says, at birth or later; nothing for any other event."""
    if fact.type == "job_created":
        return dict(fact.body.get("instance") or {})
    if fact.type == "wait_completed" and fact.node == PLAN_STEP and fact.body["kind"] == "agent":
        return dict(fact.body["value"])
    return {}


def _promised(state: JobState, fact: Fact, before: Columns | None) -> Columns:
    body = fact.body
    anew = {
        "state": "open", "attempt": body["attempt"], "fence": body["fence"], "holds": body["holds"],
        "deadline": parse(body["deadline"]), "promised_at": parse(fact.at), "settled_at": None, "error": "",
    }  # fmt: skip
    if before is not None:  # another attempt at the call that the line was opened for
        return {**before, **anew}
    return {**_line(state, fact, body), **anew, "probe": body["probe"], "result": None, "recalled_from": None,
            "compensates": UUID(body["compensates"]) if "compensates" in body else None}  # fmt: skip


def _finished(state: JobState, fact: Fact, before: Columns | None) -> Columns:
    body = fact.body
    if body["status"] != "recalled":
        return _settled(fact, before, body["status"])
    source, at = body["recalled_from"], parse(fact.at)
    return {
        **_line(state, fact, {**source, "tool": body["tool"]}), "state": "recalled", "attempt": max(1, body["attempt"]),
        "fence": body["fence"], "holds": False, "probe": False, "deadline": at, "promised_at": at, "settled_at": at,
        "result": canonical(body["result"]), "recalled_from": UUID(source["invocation"]), "compensates": None,
        "error": before["error"] if before else "",
    }  # fmt: skip


def _unknown(state: JobState, fact: Fact, before: Columns | None) -> Columns:
    reason = {"reason": fact.body["reason"], "evidence": fact.body.get("evidence", {})}
    return {**_known(fact, before), "state": "unknown", "settled_at": None, "error": canonical(reason)}


def _resolved(state: JobState, fact: Fact, before: Columns | None) -> Columns:
    return _settled(fact, before, VERDICTS[fact.body["verdict"]])


def _settled(fact: Fact, before: Columns | None, status: str) -> Columns:
    body = fact.body
    error = canonical(body["error"]) if "error" in body else ""
    if "unstorable" in body:
        error = canonical({"code": "result_unstorable", **body["unstorable"]})
    after = {**_known(fact, before), "state": status, "settled_at": parse(fact.at), "error": error}
    if "result" in body:
        after["result"] = canonical(body["result"])
    if status in RELEASES_ITS_KEY:
        after["holds"] = False
    return after


def _compensated(state: JobState, fact: Fact, before: Columns | None) -> Columns:
    """Of the line that was undone; the compensation's own line is told by the events of its call."""
    return {**_known(fact, before), "state": "compensated"}


def _known(fact: Fact, before: Columns | None) -> Columns:
    if before is None:
        raise ValueError(f"event {fact.seq} settles call {fact.node}, which no event has promised")
    return before


def _line(state: JobState, fact: Fact, promise: Mapping[str, Any]) -> Columns:
    args = canonical(state.calls[fact.node].args)
    digest = sha256(args.encode("ascii")).hexdigest()
    if _erased(state, fact.node):
        digest = str(state.calls[fact.node].args.get("sha256", ""))
    return {
        "tenant": state.tenant, "job_id": UUID(state.job), "node": fact.node, "tool": promise["tool"],
        "version": promise["version"], "schema": promise["schema"], "effect": promise["effect"],
        "idempotency_key": promise["key"], "business_key": promise["business_key"], "args": args,
        "args_digest": digest,
    }  # fmt: skip


def _erased(state: JobState, path: str) -> bool:
    """Whether a call's arguments are gone; their digest stays only where a business key depends on it."""
    asked = state.calls[path]
    return asked.seq in state.erased and isinstance(asked.args, Mapping) and bool(asked.args.get("erased"))


TELLS: Mapping[str, Callable[[JobState, Fact, Columns | None], Columns]] = {
    "tool_invocation_started": _promised,
    "tool_invocation_finished": _finished,
    "outcome_unknown": _unknown,
    "outcome_resolved": _resolved,
    "compensation_finished": _compensated,
}
