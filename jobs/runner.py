"""Drive one claimed step, then its successors inline: promise, act, tell."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db import IntegrityError

from ledger import Tool, UnknownTool
from ledger.crashpoints import crashpoint
from ledger.services import NotReserved, Taken

from . import calls, clock, limits, store, workflows
from .calls import Claim
from .conf import conf
from .core.commands import At, Command, Hold, Promise, RefuseNode, StartNode
from .core.commands import Call as CallWish
from .core.decide import decide
from .core.errors import Fenced, NotFound, Refused
from .core.moments import text
from .core.state import JobState, Node
from .incarnation import Incarnation, current
from .promises import CannotStart, arguments, promise_again, promise_for, seconds_for, tool_of
from .store.writing import WorkerDead

log = logging.getLogger("aetheris.runner")


@dataclass(frozen=True)
class Ready:
    """A step that this worker can begin: the command, and for a call the tool."""

    node: str
    wish: Command
    promise: Promise | None = None


def drive(job: str | UUID, name: str) -> None:
    """One knock: claim the step if it may be claimed, run it, and go on with what follows, for one time slice.

    A knock that comes too late, twice, or to the wrong worker does nothing.
    """
    me = current()
    began = time.monotonic()
    if me.draining:
        me.turned_away.add((str(job), name))  # for others, once this process has said good-bye
        return
    claim = _claim(me, str(job), name)
    while claim is not None:
        more = time.monotonic() - began < conf().SLICE and me.lease_ok()
        claim = _driven(claim, go_on=more)


def _driven(claim: Claim, *, go_on: bool) -> Claim | None:
    claim.me.take_up(claim.key)
    try:
        return _run(claim, go_on=go_on)
    except Fenced as fenced:
        log.warning("dropped: %s", fenced)
    except Exception as error:
        calls.break_off(claim, error)
    finally:
        claim.me.lay_down(claim.key)
    return None


def can_run(me: Incarnation, state: JobState, node: Node) -> bool:
    """Whether this worker offers what the step needs: the exact agent version, and its capabilities."""
    if node.kind in ("plan", "workflow"):
        return f"{state.agent}@{state.version}" in me.offers
    needs = state.requires.get(node.parent or node.id, ())
    return set(needs) <= me.capabilities


def _claim(me: Incarnation, job: str, name: str) -> Claim | None:
    try:
        state = store.load(job)
    except NotFound:
        log.info("a knock for job %s, which does not exist (yet)", job)
        return None
    ready = prepare(me, state, name)
    if ready is None or not me.lease_ok():
        return None
    return _begin(me, state, _paced(state, ready))


def _paced(state: JobState, ready: Ready) -> Ready:
    """A step whose tool has a rate waits parked for the slot that is reserved for it."""
    held = state.nodes[ready.node].hold
    if ready.promise is None or (held is not None and held[0] == "limit"):
        return ready
    tool = tool_of(state, state.nodes[ready.node])
    free = limits.wait_for(state.tenant, tool)
    if free is None:
        return ready
    return Ready(ready.node, Hold(node=ready.node, kind="limit", name=tool.name, until=text(free)))


def prepare(me: Incarnation, state: JobState, name: str) -> Ready | None:
    """The command that claims a step, with the promise of its call; None where this worker has nothing to do."""
    node = state.nodes.get(name)
    if node is None or name not in state.agenda or node.status == "running" or not can_run(me, state, node):
        return None
    if node.kind not in ("tool", "llm"):
        return Ready(name, StartNode(node=name, worker=me.id))
    asked = state.calls.get(name)
    if asked is not None and asked.status == "unknown":
        return Ready(name, StartNode(node=name, worker=me.id))
    try:
        tool = tool_of(state, node)
    except UnknownTool as unknown:
        log.warning("job %s, step %s: %s; another worker may have it", state.job, name, unknown)
        return None
    limit = seconds_for(state, node, tool)
    try:
        if asked is None:
            spec = state.spec(node)
            promise = promise_for(state, name, tool, arguments(state, node), timeout=limit,
                                  retry=spec.retry if spec else None)  # fmt: skip
        else:
            promise = promise_again(state, asked, tool, limit)
    except CannotStart as cannot:
        return Ready(name, RefuseNode(node=name, worker=me.id, error=cannot.error))
    return Ready(name, StartNode(node=name, worker=me.id, promise=promise), promise)


def _begin(me: Incarnation, state: JobState, ready: Ready) -> Claim | None:
    """Commit the claim; a claim that is refused was somebody else's."""
    claim = Claim(job=state.job, node=ready.node, fence=0, me=me)
    crashpoint("before_promise" if ready.promise else "before_claim")
    try:
        done = store.commit(state.job, ready.wish, worker=me.id)
    except Taken as taken:
        assert ready.promise is not None
        _instead(claim, ready.promise, taken)
        return None
    except (Refused, IntegrityError, NotReserved) as refused:
        log.debug("job %s, step %s: not ours: %s", state.job, ready.node, refused)
        return None
    except WorkerDead as dead:
        log.error("%s", dead)
        me.lost = True
        return None
    crashpoint("after_claim")
    return _as_claim(me, done.state, ready.node)


def _instead(claim: Claim, promise: Promise, taken: Taken) -> None:
    try:
        store.commit(claim.job, calls.instead(claim, promise, claim.node, taken), worker=claim.me.id)
    except Refused as refused:
        log.info("job %s, step %s: %s", claim.job, claim.node, refused)


def _as_claim(me: Incarnation, state: JobState, name: str) -> Claim | None:
    node = state.nodes[name]
    if node.status != "running" or node.worker != me.id:
        return None
    return Claim(job=state.job, node=name, fence=node.fence, me=me)


def _run(claim: Claim, *, go_on: bool) -> Claim | None:
    """Run a claimed step to its end; gives the claim of the successor that was begun in the same commit."""
    state = store.load(claim.job)
    node = state.claim(claim.node, claim.fence)
    if node is None:
        return None
    if node.kind in ("plan", "workflow"):
        workflows.run(claim, state, node)
        return None
    tool = tool_of(state, node)
    asked = state.calls[claim.node]
    if asked.status == "unknown":
        probed = _probe(claim, state, tool)
        if probed is None:
            return None
        state = probed
    return _call(claim, state, tool, go_on=go_on)


def _call(claim: Claim, state: JobState, tool: Tool, *, go_on: bool) -> Claim | None:
    path = claim.node
    while True:
        node, asked = state.nodes[path], state.calls[path]
        outcome = calls.act(claim, tool, state, path, seconds_for(state, node, tool))
        telling = calls.tell(claim, path, asked.attempt, outcome)
        try:
            done, successor = _tell(claim, telling, go_on=go_on)
        except Fenced:
            calls.tell_late(claim.job, path, asked.attempt, claim.fence, outcome)
            raise
        still = done.state.claim(path, claim.fence)
        if still is None:
            return successor
        probed = _probe(claim, done.state, tool)
        if probed is None:
            return None
        state = probed


def _probe(claim: Claim, state: JobState, tool: Tool) -> JobState | None:
    """Probe an unknown outcome under the claim; the state if the call is to be made again now, else None."""
    asked = state.calls[claim.node]
    if asked.status != "unknown" or tool.probe_fn is None:
        return None
    answer = calls.probe(claim, tool, state, claim.node)
    done = claim.commit(answer)
    if done.state.claim(claim.node, claim.fence) is None:
        return None
    asked = done.state.calls[claim.node]
    promise = promise_again(done.state, asked, tool, seconds_for(done.state, done.state.nodes[claim.node], tool))
    again = CallWish(
        node=claim.node, fence=claim.fence, path=claim.node, kind=asked.kind, name=asked.name, args=asked.args,
        promise=promise,
    )  # fmt: skip
    try:
        return claim.commit(again).state
    except Taken as taken:
        claim.commit(calls.instead(claim, promise, claim.node, taken))
        return None


def _tell(claim: Claim, telling: Any, *, go_on: bool) -> tuple[store.Committed, Claim | None]:
    """Write the outcome; and in the same commit begin a ready successor, if there is one for this worker."""
    following = _successor(claim, telling) if go_on and claim.me.lease_ok() else None
    crashpoint("before_outcome")
    if following is not None:
        try:
            done = claim.commit(telling, following.wish, worker=True)
            crashpoint("after_outcome")
            return done, _as_claim(claim.me, done.state, following.node)
        except (Taken, NotReserved, IntegrityError, WorkerDead):
            log.debug("job %s: step %s is not begun inline", claim.job, following.node)
        except Fenced:
            raise
        except Refused as refused:
            log.debug("job %s: step %s is not begun inline: %s", claim.job, following.node, refused)
    return claim.commit(telling), None


def _successor(claim: Claim, telling: Any) -> Ready | None:
    """What the outcome makes ready, seen on the state that it would lead to."""
    state = store.load_cached(claim.job)
    try:
        after = decide(state, telling, At(now=text(clock.now()))).state
    except Refused:
        return None
    for name in _newly_ready(state, after):
        ready = prepare(claim.me, after, name)
        if ready is not None and isinstance(ready.wish, StartNode) and not _has_rate(after, ready):
            return ready
    return None


def _has_rate(state: JobState, ready: Ready) -> bool:
    """Whether a slot has to be reserved first; that is done when the step is knocked for, not on a guess."""
    return ready.promise is not None and tool_of(state, state.nodes[ready.node]).rate is not None


def _newly_ready(before: JobState, after: JobState) -> list[str]:
    """Steps that became ready, in the order of the plan; items of maps after them."""
    names = [name for name in after.agenda if after.nodes[name].status == "ready" and not _was_ready(before, name)]
    if len(names) < 2:
        return names
    order = list(after.plan.nodes) if after.plan is not None else []
    place = {name: index for index, name in enumerate(order)}
    return sorted(names, key=lambda name: (place.get(name, len(order)), after.nodes[name].index))


def _was_ready(state: JobState, name: str) -> bool:
    node = state.nodes.get(name)
    return node is not None and node.status == "ready"

