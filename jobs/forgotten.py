"""Claims that a worker gives up: nobody drives them (their commit's answer was lost, their drive broke off), or it stops."""

from __future__ import annotations

import logging

from . import store
from .core.commands import Command, LoseLease, Outcome, Tell
from .core.errors import Refused
from .core.state import JobState
from .incarnation import Incarnation, Key
from .models import Step

log = logging.getLogger("aetheris.worker")


def free(me: Incarnation, suspects: set[Key]) -> set[Key]:
    """Free the claims that stood idle at the last look, and still do.

    Args:
        me: this worker.
        suspects: what the last look gave back.

    Returns:
        The claims that stand idle now.
    """
    rows = Step.objects.filter(worker=me.id).values_list("job_id", "node", "fence")
    claimed = {(str(job), node, fence) for job, node, fence in rows}
    idle = claimed - me.held()
    for claim in sorted(idle & suspects):
        _free(me, claim)
    me.broken &= claimed
    return idle - suspects


def hand_back(me: Incarnation) -> list[Key]:
    """Give back every claim that is still being driven: its time to finish is over (design: drain).

    One whose call must not be made twice is kept: its outcome may still come, and once this process is gone the
    next worker knows that nothing is under way any more.

    Returns:
        The claims that were kept.
    """
    kept = [claim for claim in sorted(me.held()) if not _handed_back(me, claim)]
    for job, node, _ in kept:
        log.warning("job %s, step %s: its call must not be made twice; it is kept to the end", job, node)
    return kept


def _handed_back(me: Incarnation, claim: Key) -> bool:
    job, node, fence = claim
    state = store.load(job)
    step = state.claim(node, fence)
    if step is None:
        return True
    calls = [state.calls[path] for path in step.open if state.calls[path].status == "open"]
    if any(call.info["effect"] == "at_most_once" for call in calls):
        return False
    log.warning("job %s, step %s: handed back unfinished", job, node)
    try:
        store.commit(job, LoseLease(node=node, fence=fence, reason="handed_back", known_dead=not calls))
    except Refused as refused:
        log.info("job %s, step %s: nothing to hand back: %s", job, node, refused)
    return True


def _free(me: Incarnation, claim: Key) -> None:
    job, node, fence = claim
    log.warning("job %s, step %s: nobody drives its claim (fence %s); it is freed", job, node, fence)
    try:
        state = store.load(job)
        store.commit(job, _wish(state, node, fence, began=claim in me.broken))
    except Refused as refused:
        log.info("job %s, step %s: nothing to free: %s", job, node, refused)


def _wish(state: JobState, node: str, fence: int, *, began: bool) -> Command:
    """A call of a claim that was never taken up was certainly not sent; of one that broke off nobody knows."""
    asked = state.calls.get(node)
    if not began and asked is not None and asked.status == "open":
        return Tell(node=node, fence=fence, path=node, attempt=asked.attempt, outcome=Outcome("not_sent"))
    return LoseLease(node=node, fence=fence, reason="not_driven", known_dead=not began)
