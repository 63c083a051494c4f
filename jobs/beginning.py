"""Begin a step: commit the claim; and what a thread begins by itself when its planning step is done."""

from __future__ import annotations

import logging

from django.db import IntegrityError

from ledger.crashpoints import crashpoint
from ledger.services import NotReserved, Taken

from . import calls, knocks, store
from .admission import more_urgent
from .calls import Claim
from .core.commands import Promise
from .core.errors import Refused
from .core.state import JobState
from .incarnation import Incarnation
from .preparing import Ready, prepare
from .store.writing import WorkerDead

log = logging.getLogger("aetheris.runner")


def begin(me: Incarnation, state: JobState, ready: Ready) -> Claim | None:
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
    return as_claim(me, done.state, ready.node)


def _instead(claim: Claim, promise: Promise, taken: Taken) -> None:
    try:
        store.commit(claim.job, calls.instead(claim, promise, claim.node, taken), worker=claim.me.id)
    except Refused as refused:
        log.info("job %s, step %s: %s", claim.job, claim.node, refused)


def as_claim(me: Incarnation, state: JobState, name: str) -> Claim | None:
    node = state.nodes[name]
    if node.status != "running" or node.worker != me.id:
        return None
    return Claim(job=state.job, node=name, fence=node.fence, me=me, alone=node.alone)


def begin_next(claim: Claim) -> Claim | None:
    """Begin the step that the end of this one has made ready and that nobody was knocked for.

    Where it cannot be begun after all, the knock is made up for; where this process dies before, the sweep knocks.
    """
    if not claim.next:
        return None
    me, begun = claim.me, None
    state = store.load_cached(claim.job)
    try:
        urgent = more_urgent(me, claim.job, claim.next)
        if me.lease_ok() and not me.makes_room() and not urgent:
            ready = prepare(me, state, claim.next)
            begun = begin(me, state, ready) if ready is not None else None
    finally:
        if begun is None:
            knocks.send([(claim.job, claim.next, state.requirements(state.nodes[claim.next]))])
    return begun
