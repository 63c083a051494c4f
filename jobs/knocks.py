"""Knocks: "look at this step". A lost, doubled or late one does no harm, because a row says who may act."""

from __future__ import annotations

import logging
import random
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

from celery import current_app

from . import alarms
from .celery_defaults import DEFAULT_QUEUE, is_own, own_queue, passing, queue_name
from .core.state import JobState
from .senders import senders

log = logging.getLogger("aetheris.knocks")

_silent = 0  # how many blocks of this process want no knock sent

AT_ONCE = 128  # knocks that are under way for steps of one job that ask for the same
SWEPT = 32  # and by one look of the sweep, which cannot know what is under way
Knock = tuple[str, str, Sequence[str]]  # job, step, the capabilities that it asks for

STEP = "aetheris.step"
DELIVER = "aetheris.deliver"


def after_commit(before: JobState, after: JobState, *, owes: bool) -> None:
    """Tell the workers what a commit made ready, and that deliveries are due if it owes any."""
    alarms.note(before, after)
    names = [name for name in after.agenda if _became_ready(before, after, name)]
    if names:
        steps = ((after.job, name, after.requirements(after.nodes[name])) for name in sorted(names))
        send(few(steps, AT_ONCE))
    if owes:
        deliver()


def _became_ready(before: JobState, after: JobState, name: str) -> bool:
    if after.nodes[name].status != "ready" or after.paused:
        return False
    earlier = before.nodes.get(name)
    return earlier is None or earlier.status != "ready" or before.paused


def few(steps: Iterable[Knock], most: int) -> Iterator[Knock]:
    """Of the steps of each job that ask for the same, only so many.

    Each of their knocks takes a ready step, and while there are very many it is passed on: so none is left over.
    """
    sent: Counter[tuple[str, tuple[str, ...]]] = Counter()
    for job, name, requires in steps:
        sent[job, tuple(requires)] += 1
        if sent[job, tuple(requires)] <= most:
            yield job, name, requires


def pass_on(state: JobState, name: str) -> None:
    """Knock for one more of very many ready steps, where a knock for one of them has come."""
    if len(state.agenda) <= AT_ONCE or state.paused or name not in state.nodes:
        return
    mine = state.requirements(state.nodes[name])
    ready = [each for each in state.agenda if state.nodes[each].status == "ready" and each != name]
    ready = [each for each in ready if state.requirements(state.nodes[each]) == mine]
    if len(ready) >= AT_ONCE:
        send([(state.job, random.choice(ready), mine)])


def send(steps: Iterable[Knock]) -> None:
    """Knock for steps, `(job, step, capabilities)` each. A broker that is away is logged: the sweep knocks again."""
    for job, name, requires in steps:
        _publish(STEP, (job, name), queue_name(requires[0] if requires else None))


def at(worker: str, job: str, name: str, hops: int = 0) -> None:
    """Knock for a step at one worker.

    Args:
        worker: its name.
        job, name: the step.
        hops: how often this knock has been handed on.
    """
    _publish(STEP, (job, name, str(hops)) if hops else (job, name), own_queue(worker))


def deliver() -> None:
    """Ask for the deliveries that are due."""
    _publish(DELIVER, (), DEFAULT_QUEUE)


@contextmanager
def unheard() -> Iterator[None]:
    """Send nothing within the block: whoever opens it looks at the steps itself."""
    global _silent
    _silent += 1
    try:
        yield
    finally:
        _silent -= 1


def _publish(task: str, args: tuple[str, ...], queue: str) -> None:
    if _silent:
        return
    # A worker's own queue is declared by that worker alone: it must not be there when the worker is not.
    where: dict[str, Any] = {"queue": passing(queue), "declare": []} if is_own(queue) else {"queue": queue}
    message: dict[str, Any] = {"args": args, "ignore_result": True, "argsrepr": "", "kwargsrepr": "", **where}
    try:
        senders.hand_over(partial(current_app.send_task, task, **message))
    except Exception as error:  # what was committed stands, and must not look as if it did not
        log.warning(
            "no knock for %s %s: the broker did not take it (%s); the sweep will knock", task, args, error
        )
