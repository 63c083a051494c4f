"""One call of a claimed step: promise, act, tell; and the probe where nobody knows (Laws E1-E6)."""

from __future__ import annotations

import json
import logging
from concurrent.futures import Future
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

from django.db import DatabaseError

from ledger import Absent, Landed, Tool, ToolCall, Unknown
from ledger import services as ledger
from ledger.canonical import storable
from ledger.crashpoints import crashpoint
from ledger.services import Taken
from ledger.verdict import Conflict, Doubt, Recall, Undone, Verdict

from . import loop, store
from .conf import conf
from .core.commands import (
    Actor,
    Answer,
    AwaitEffect,
    Call,
    Command,
    FailNode,
    LateOutcome,
    Outcome,
    Promise,
    RefuseNode,
    Tell,
)
from .core.commands import Recall as RecallWish
from .core.errors import Refused
from .core.state import Asked, JobState
from .incarnation import Incarnation
from .outage import AWAY, in_a_line
from .promises import tool_call
from .queries.gone import ERASED, gone
from .secrecy import kept

if TYPE_CHECKING:
    from ledger.hand import Touch

log = logging.getLogger("aetheris.calls")
PROBE_SECONDS = 30.0


@dataclass(frozen=True)
class Abandoned:
    """A call that was given up and may still tell its outcome."""

    attempt: int
    late: Future[Touch]
    on_loop: bool


@dataclass
class Claim:
    """A step that this process holds: every write about it carries the fence."""

    job: str
    node: str
    fence: int
    me: Incarnation
    looped: bool = False  # a place on the event loop was taken for it
    alone: bool = False  # nothing else runs in this process
    goes_on: bool = False  # its thread begins the first step of the plan that it makes
    next: Claim | None = None  # that step, once it is begun
    abandoned: dict[str, Abandoned] = field(default_factory=dict)

    @property
    def key(self) -> tuple[str, str, int]:
        """What names it among all claims."""
        return self.job, self.node, self.fence

    def commit(self, *wishes: Command, worker: bool = False) -> store.Committed:
        """Commit under this claim; an outcome is retried until it is written or fenced (Law L6)."""
        return store.commit(
            self.job,
            *wishes,
            worker=self.me.id if worker else None,
            patience=lambda: True,
        )


def outcome_of(touch: Touch) -> Outcome:
    """What the hand brought back, as the core speaks of it; a result that cannot be stored has landed (E5)."""
    common: dict[str, Any] = {
        "seconds": touch.seconds,
        "citations": tuple(kept(touch.citations)) if touch.citations else (),
    }
    if touch.kind == "returned":
        written, problem = storable(touch.value, conf().MAX_RESULT)
        if problem is not None:
            return Outcome(kind="unstorable", value=kept(problem), **common)
        assert written is not None
        return Outcome(
            kind="landed", value=kept(json.loads(written), "the result of a call", text=written), **common
        )
    error = dict(touch.error or {"class": touch.kind, "message": f"the call ended as {touch.kind}"})
    permanent = bool(error.pop("permanent", False))
    retry_after = error.pop("retry_after", None)
    kind = "raised" if touch.kind == "cancelled" else touch.kind
    error.setdefault("code", kind)
    return Outcome(kind=kind, error=error, permanent=permanent, retry_after=retry_after, **common)


def act(claim: Claim, tool: Tool, state: JobState, path: str, timeout: float) -> Outcome:
    """Make the promised call: no transaction and no connection is held meanwhile."""
    crashpoint("after_promise")
    asked = state.calls[path]
    call = tool_call(state, asked)
    claim.me.begin(claim.job, path, call.cancel)
    try:
        touch = ledger.invoke(tool, asked.args, call, timeout=timeout, lease_ok=claim.me.lease_ok)
    finally:
        claim.me.end(claim.job, path)
    _abandon(claim, asked, touch)
    return outcome_of(touch)


async def act_async(claim: Claim, tool: Tool, state: JobState, path: str, timeout: float) -> Outcome:  # noqa: ASYNC109
    """Make the promised call from the process's event loop."""
    crashpoint("after_promise")
    asked = state.calls[path]
    call = tool_call(state, asked)
    claim.me.begin(claim.job, path, call.cancel)
    try:
        touch = await ledger.invoke_async(tool, asked.args, call, limit=timeout, lease_ok=claim.me.lease_ok)
    finally:
        claim.me.end(claim.job, path)
    _abandon(claim, asked, touch, on_loop=True)
    return outcome_of(touch)


def _abandon(claim: Claim, asked: Asked, touch: Touch, *, on_loop: bool = False) -> None:
    if touch.late is not None:
        claim.abandoned[asked.path] = Abandoned(asked.attempt, touch.late, on_loop)


def watch_late(claim: Claim, path: str) -> None:
    """Keep what an abandoned call still tells, as evidence (Law L4).

    Called once its timeout is on record: an outcome that came before that would not settle the doubt.
    """
    call = claim.abandoned.pop(path, None)
    if call is None:
        return
    attempt, on_loop = call.attempt, call.on_loop
    tell = partial(loop.aside, tell_late) if on_loop else tell_late  # the loop must not wait for a database

    def keep(future: Future[Touch]) -> None:
        if future.cancelled() or future.exception() is not None:
            return
        tell(claim.job, path, attempt, claim.fence, outcome_of(future.result()))

    call.late.add_done_callback(keep)


def tell_late(job: str, path: str, attempt: int, fence: int, outcome: Outcome) -> None:
    """Write an outcome whose claim is gone."""
    try:
        store.commit(job, LateOutcome(path=path, attempt=attempt, fence=fence, outcome=outcome))
    except Refused as refused:
        log.info("job %s, call %s: late outcome not kept: %s", job, path, refused)
    except Exception:
        log.exception("job %s, call %s: a late outcome could not be written", job, path)


def break_off(claim: Claim, error: Exception) -> None:
    """The engine itself failed at a step: the step says so, instead of hanging under a claim that nobody drives."""
    claim.me.broken.add(claim.key)
    if isinstance(error, AWAY):  # nothing can be written now; the control thread frees the claim
        log.warning("job %s, step %s broke off: %s", claim.job, claim.node, in_a_line(error))
        return
    log.error("job %s, step %s broke off", claim.job, claim.node, exc_info=error)
    if isinstance(error, DatabaseError):
        return
    told = {
        "code": "engine_error",
        "message": f"step {claim.node} broke off: {type(error).__name__}: {error}",
    }
    try:
        claim.commit(FailNode(node=claim.node, fence=claim.fence, error=told))
    except Refused as refused:
        log.info("job %s, step %s: its end is not written: %s", claim.job, claim.node, refused)


def instead(claim: Claim, promise: Promise, path: str, taken: Taken, call: Call | None = None) -> Command:
    """What to do when the business key is not free: recall, wait, or fail the step naming both (E2)."""
    said = taken.verdict
    common: dict[str, Any] = {
        "node": claim.node, "worker": claim.me.id, "path": path, "fence": claim.fence, "promise": promise, "call": call,
    }  # fmt: skip
    lost = gone(said.entry) if isinstance(said, Recall) else None
    if isinstance(said, Recall) and said.entry.result is not None and lost is None:
        result = json.loads(said.entry.result)
        source = {
            "job": said.entry.job, "invocation": said.entry.invocation, "version": promise.version,
            "schema": promise.schema, "effect": promise.effect, "key": promise.key,
            "business_key": promise.business_key or "",
        }  # fmt: skip
        return RecallWish(result=result, source=source, **common)
    if isinstance(said, Doubt):
        return AwaitEffect(holder={"job": said.entry.job, "invocation": said.entry.invocation}, **common)
    return RefuseNode(node=claim.node, worker=claim.me.id, error=_refusal(promise, said, lost))


def _refusal(promise: Promise, said: Verdict, lost: str | None) -> dict[str, Any]:
    """Why a business key gives neither a call nor a result, naming both uses."""
    assert isinstance(said, Recall | Conflict | Undone)
    entry = said.entry
    if isinstance(said, Conflict):
        code, why = "key_conflict", "with other arguments"
    elif lost is not None:
        code, why = (
            lost,
            f"and landed, but its result was {'erased' if lost == ERASED else 'pruned with that job'}",
        )
    elif isinstance(said, Recall):
        code, why = "result_unstorable", "and landed, but its result could not be stored"
    elif entry.state == "given_up":
        code, why = "outcome_unknown", "and was given up: whether its effect happened stays unknown"
    else:
        code, why = "compensated", "and its effect was compensated"
    return {
        "code": code,
        "message": f"tool {promise.tool}: business key {promise.business_key!r} was used by job {entry.job} "
        f"(invocation {entry.invocation}) {why}; nothing was called",
        "job": entry.job,
        "invocation": entry.invocation,
    }


def probe(claim: Claim, tool: Tool, state: JobState, path: str) -> Answer:
    """Ask the world how an earlier call ended (E4)."""
    asked = state.calls[path]
    call: ToolCall = tool_call(state, asked)
    said = ledger.probe(tool, call, timeout=min(PROBE_SECONDS, tool.timeout))
    who = Actor(id=claim.me.id, name=f"probe of {tool.name}", kind="worker")
    return answered(tool, said, path, who, claim.fence)


def answered(tool: Tool, said: Landed | Absent | Unknown, path: str, who: Actor, fence: int) -> Answer:
    """What a probe said, as it is written down."""
    common: dict[str, Any] = {"path": path, "by": who, "fence": fence}
    if isinstance(said, Landed):
        written, problem = storable(said.result, conf().MAX_RESULT)
        if problem is not None:
            evidence = {"probe": tool.name, "answer": "landed", "unstorable": kept(problem)}
            return Answer(verdict="unknown", evidence=evidence, **common)
        assert written is not None
        return Answer(
            verdict="landed",
            result=kept(json.loads(written), "what a probe found", text=written),
            evidence={"probe": tool.name},
            **common,
        )
    if isinstance(said, Absent):
        final: dict[str, Any] = {"probe": tool.name, "final": tool.probe_final}
        return Answer(verdict="absent", accepted=tool.probe_final, evidence=final, **common)
    return Answer(verdict="unknown", evidence={"probe": tool.name, "reason": kept(said.reason)}, **common)


def tell(claim: Claim, path: str, attempt: int, outcome: Outcome) -> Tell:
    """The command that writes an outcome."""
    return Tell(node=claim.node, fence=claim.fence, path=path, attempt=attempt, outcome=outcome)
