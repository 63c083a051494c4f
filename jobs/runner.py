"""Drive one claimed step, then its successors inline: promise, act, tell."""

from __future__ import annotations

import logging
import time
from uuid import UUID

from ledger import Tool
from ledger.crashpoints import crashpoint
from ledger.services import Taken

from . import admission, calls, knocks, limits, loop, store, together, workflows, world
from .beginning import begin, with_successor
from .calls import Claim
from .conf import conf
from .core.commands import Call as CallWish
from .core.commands import Hold, Outcome, Tell
from .core.errors import Fenced, NotFound
from .core.moments import text
from .core.state import JobState, Node
from .incarnation import Incarnation, current
from .outage import AWAY
from .preparing import (
    Follow,
    Ready,
    async_successor,
    can_run,
    prepare,
    spare,
    startable,
    successor,
)
from .promises import promise_again, seconds_for, tool_of

log = logging.getLogger("aetheris.runner")

__all__ = ["can_run", "drive", "prepare"]


def drive(job: str | UUID, name: str, *, hops: int = 0) -> None:
    """One knock: claim the step if it may be claimed, run it, and go on with what follows, for one time slice.

    A knock that comes too late or twice does nothing; one that comes to the wrong worker is handed on.

    Args:
        job, name: the step.
        hops: how often the knock was handed on before.
    """
    me = current()
    if me.draining:
        if not admission.hand_on(me, str(job), name, hops):
            me.turned_away.add((str(job), name))  # for others, once this process has said good-bye
        return
    for each, step in admission.more_urgent(me, str(job), name):
        try:
            _drive(me, each, step)
        except AWAY:
            raise
        except Exception:  # what was knocked for must not go without its turn for it, again and again
            log.exception("job %s, step %s, which is more urgent, could not be begun", each, step)
    _drive(me, str(job), name, hops)


def _drive(me: Incarnation, job: str, name: str, hops: int = 0) -> None:
    began = time.monotonic()
    claim = _claim(me, job, name, hops)
    if claim is None:
        admission.call_in(me)  # a knock in vain leaves room for the next
        return
    try:
        while claim is not None:
            more = time.monotonic() - began < conf().SLICE and me.lease_ok() and not me.makes_room()
            claim = _driven(claim, go_on=more and not claim.alone)
    finally:
        admission.left(me)


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
        if claim.looped:
            loop.give_slot()
    return None


def _claim(me: Incarnation, job: str, name: str, hops: int) -> Claim | None:
    try:
        state = store.load(job)
    except NotFound:
        log.info("a knock for job %s, which does not exist (yet)", job)
        return None
    knocks.pass_on(state, name)
    node = startable(state, name) or _instead_of(me, state, name)
    if node is None or not me.lease_ok():
        return None
    name = node.id
    if not can_run(me, state, node):
        admission.hand_on(me, job, name, hops)
        return None
    looped = admission.admit(me, state, node, hops)
    return None if looped is None else _let_in(me, state, name, looped=looped)


def _instead_of(me: Incarnation, state: JobState, name: str) -> Node | None:
    """Another ready step of the job, where somebody has come for this one already."""
    ready = (startable(state, each) for each in spare(state, name))
    return next((node for node in ready if node and not node.suspect and can_run(me, state, node)), None)


def _let_in(me: Incarnation, state: JobState, name: str, *, looped: bool) -> Claim | None:
    """Claim a step that was let in; it goes again if there is nothing to claim."""
    claim = None
    try:
        known = world.ask_first(me, state, name)
        ready = prepare(me, known, name) if known is not None else None
        claim = begin(me, known, _paced(known, ready)) if known is not None and ready is not None else None
    finally:
        if claim is not None:
            claim.looped = looped
        else:
            if looped:
                loop.give_slot()
            admission.left(me)
    return claim


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


def _run(claim: Claim, *, go_on: bool) -> Claim | None:
    """Run a claimed step to its end; gives the claim of the successor that was begun in the same commit."""
    state = store.load_cached(claim.job)  # a read that failed here would leave a promise that nobody acts on
    node = state.claim(claim.node, claim.fence)
    if node is None:
        return None
    if node.kind in ("plan", "workflow"):
        claim.goes_on = go_on and node.kind == "plan" and not claim.looped
        workflows.run(claim, state, node)
        return claim.next
    tool = tool_of(state, node)
    asked = state.calls[claim.node]
    if asked.status == "unknown":
        probed = _probe(claim, state, tool)
        if probed is None:
            return None
        state = probed
    if claim.looped:
        claim.looped = False
        claim.me.take_up(claim.key)
        admission.hand_off(claim.me, _on_the_loop(claim, state, tool))
        return None
    return _call(claim, state, tool, go_on=go_on)


def _call(claim: Claim, state: JobState, tool: Tool, *, go_on: bool) -> Claim | None:
    while True:
        limit = seconds_for(state, state.nodes[claim.node], tool)
        outcome = together.make(claim, tool, state, limit)
        if outcome is None:
            return None
        following, again = _told(claim, state, tool, outcome, successor if go_on else None)
        if again is None:
            return following
        state = again


async def _on_the_loop(first: Claim, state: JobState, tool: Tool) -> None:
    """An async call, and the async ones that follow it: they wait without a thread of their own."""
    claim: Claim | None = first
    while claim is not None:
        mine, claim = claim, None
        try:
            claim = await _call_async(mine, state, tool)
        except Fenced as fenced:
            log.warning("dropped: %s", fenced)
        except Exception as error:
            await loop.in_thread(calls.break_off, mine, error)
        finally:
            mine.me.lay_down(mine.key)
        if claim is not None:
            claim.me.take_up(claim.key)
            state = await loop.in_thread(store.load_cached, claim.job)
            tool = tool_of(state, state.nodes[claim.node])


async def _call_async(claim: Claim, state: JobState, tool: Tool) -> Claim | None:
    while True:
        limit = seconds_for(state, state.nodes[claim.node], tool)
        outcome = await calls.act_async(claim, tool, state, claim.node, limit)
        go_on = not claim.alone and not claim.me.makes_room()
        follow = async_successor if go_on else None
        following, again = await loop.in_thread(_told, claim, state, tool, outcome, follow)
        if again is None:
            return following
        state = again


def _told(
    claim: Claim, state: JobState, tool: Tool, outcome: Outcome, follow: Follow | None
) -> tuple[Claim | None, JobState | None]:
    """Write an outcome; gives the claim of a successor, or the state in which the call is to be made again now."""
    attempt = state.calls[claim.node].attempt
    try:
        done, following = _tell(claim, calls.tell(claim, claim.node, attempt, outcome), follow)
    except Fenced:
        calls.tell_late(claim.job, claim.node, attempt, claim.fence, outcome)
        raise
    finally:
        calls.watch_late(claim, claim.node)
    if done.state.claim(claim.node, claim.fence) is None:
        return following, None
    return None, _probe(claim, done.state, tool)


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
    promise = promise_again(
        done.state, asked, tool, seconds_for(done.state, done.state.nodes[claim.node], tool)
    )
    again = CallWish(
        node=claim.node, fence=claim.fence, path=claim.node, kind=asked.kind, name=asked.name, args=asked.args,
        promise=promise,
    )  # fmt: skip
    try:
        return claim.commit(again).state
    except Taken as taken:
        claim.commit(calls.instead(claim, promise, claim.node, taken))
        return None


def _tell(claim: Claim, telling: Tell, follow: Follow | None) -> tuple[store.Committed, Claim | None]:
    """Write the outcome; and in the same commit begin a ready successor, if there is one for this worker."""
    following = follow(claim.me, claim.job, telling) if follow is not None and claim.me.lease_ok() else None
    looped = following is not None and following.looped and claim.me.hand_off and follow is successor
    if following is None or (looped and not loop.take_slot()):
        crashpoint("before_outcome")
        return claim.commit(telling), None
    begun = None
    try:
        done, begun = _tell_and_begin(claim, telling, following)
        return done, begun
    finally:
        if begun is not None:
            begun.looped = looped
        elif looped:
            loop.give_slot()


def _tell_and_begin(claim: Claim, telling: Tell, following: Ready) -> tuple[store.Committed, Claim | None]:
    crashpoint("before_outcome")
    if following.promise is not None:
        crashpoint("before_promise")
    done, begun = with_successor(claim, (telling,), following)
    if begun is not None:
        crashpoint("after_outcome")
    return done, begun
