"""Begin a step: commit the claim, by itself or together with the end of the step before it."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from django.db import IntegrityError

from ledger.crashpoints import crashpoint
from ledger.services import NotReserved, Taken

from . import calls, store
from .admission import more_urgent
from .calls import Claim
from .core.commands import Command, Promise
from .core.errors import Fenced, Refused
from .core.state import JobState
from .incarnation import Incarnation
from .outage import in_a_line
from .preparing import Ready, first_of_plan
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


def end(claim: Claim, *ending: Command) -> store.Committed:
    """Write how a step's function ended; its thread begins the first step of the plan that it has made in the same commit.

    Whatever is in the way of that step is not in the way of the plan: then its step is knocked for, like the others.
    """
    following = _first(claim, ending) if claim.goes_on else None
    if following is None:
        return claim.commit(*ending)
    crashpoint("before_promise" if following.promise else "before_claim")
    done, claim.next = with_successor(claim, ending, following)
    if claim.next is not None:
        crashpoint("after_claim")
    return done


def _first(claim: Claim, ending: Sequence[Command]) -> Ready | None:
    me = claim.me
    try:
        if me.makes_room() or not me.lease_ok() or more_urgent(me, claim.job, claim.node):
            return None
        return first_of_plan(me, claim.job, ending)
    except Exception as error:
        log.warning("job %s: no step is begun with its plan: %s", claim.job, in_a_line(error))
        return None


def with_successor(
    claim: Claim, ending: Sequence[Command], following: Ready
) -> tuple[store.Committed, Claim | None]:
    """Write how a step ended and begin another one in the same commit; the end alone, if that one cannot be begun after all."""
    try:
        done = claim.commit(*ending, following.wish, worker=True)
        return done, as_claim(claim.me, done.state, following.node)
    except (Taken, NotReserved, IntegrityError, WorkerDead):
        log.debug("job %s: step %s is not begun inline", claim.job, following.node)
    except Fenced:
        raise
    except Refused as refused:
        log.debug("job %s: step %s is not begun inline: %s", claim.job, following.node, refused)
    return claim.commit(*ending), None
