"""Whether this process may begin a step now, and what becomes of a knock that it turns away.

A knock is turned away by a process that cannot run the step, that drains, that has no place for it, or that
must let a suspect be alone. It goes at once to a worker that can take it; where there is none it is kept in mind,
and the sweep knocks again in any case.
"""

from __future__ import annotations

import json
import random
from collections.abc import Coroutine, Iterator
from functools import cache
from typing import Any
from uuid import UUID

from ledger.statements import Select

from . import clock, knocks, loop
from .celery_defaults import own_queue
from .core.state import JobState, Node
from .incarnation import Incarnation
from .models import Step, Worker
from .preparing import is_async

MOST_URGENT = 100  # nothing goes before a step that is not on the agenda any more
HOPS = 3  # how often one knock is handed on before it is left to the sweep


def more_urgent(me: Incarnation, job: str, name: str) -> list[tuple[str, str]]:
    """A ready step of a job with a higher priority than the knocked one's, if one waits: it goes first.

    One only, so that what was knocked for gets its turn however many urgent ones come.
    """
    rows = _urgent(len(me.offers))(job, name, *me.offers)
    return [(str(UUID(str(other))), step) for other, step in rows]


@cache
def _urgent(offers: int) -> Select:
    """The most urgent ready step above a given one that needs no capability, and one of so many offers."""
    mine = f'SELECT "priority" FROM "{Step._meta.db_table}" WHERE "job_id" = %s AND "node" = %s'  # noqa: S608
    needs = ", ".join(["''", *["%s"] * offers])
    return Select(
        Step, ("job_id", "node"), ("job_id", "node"),
        f'"priority" > COALESCE(({mine}), {MOST_URGENT}) AND "state" = \'ready\' AND "requires" = \'\' '
        f'AND "needs" IN ({needs}) ORDER BY "priority" DESC, "id" LIMIT 1',
    )  # fmt: skip


def admit(me: Incarnation, state: JobState, node: Node, hops: int) -> bool | None:
    """Let a step in.

    Args:
        me: this worker.
        state: the job.
        node: the step.
        hops: how often its knock was handed on.

    Returns:
        Whether it has a place on the loop (or needs none); None if it was turned away. Who was let in has to
        leave: `left`.
    """
    step, looped = (state.job, node.id), me.hand_off and is_async(state, node)
    if looped and not loop.take_slot():
        if not hand_on(me, *step, hops):
            me.room.queue(step)
        return None
    if _enter(me, step, node, hops):
        return looped
    if looped:
        loop.give_slot()
    return None


def _enter(me: Incarnation, step: tuple[str, str], node: Node, hops: int) -> bool:
    if not node.suspect:
        if me.room.enter(step):
            return True
        if hand_on(me, *step, hops):
            me.room.forget(step)
        return False
    if not me.room.empty and hand_on(me, *step, hops, idle=True):
        return False
    return me.room.enter_alone(step)


def hand_off(me: Incarnation, work: Coroutine[Any, Any, None]) -> None:
    """Give an asynchronous step to the loop; it leaves when it is over."""
    me.room.stay()
    loop.hand_off(work, lambda: left(me))


def left(me: Incarnation) -> None:
    """A step is over here: whoever waited for room comes next."""
    me.room.leave()
    call_in(me)


def call_in(me: Incarnation) -> None:
    """Knock here for whoever waited, if there is room."""
    if me.draining:
        return
    suspect = me.room.turn()
    if suspect is not None:
        knocks.at(me.name, *suspect)
        return
    for step in sorted(me.room.called()):
        knocks.at(me.name, *step)
    if me.room.queued and loop.take_slot():
        loop.give_slot()
        next_one = me.room.next_in_queue()  # whose end, or vain look, calls in the one after it
        if next_one is not None:
            knocks.at(me.name, *next_one)


def hand_on(me: Incarnation, job: str, node: str, hops: int, *, idle: bool = False) -> bool:
    """Send a knock to another worker that can take the step.

    Args:
        me: this worker.
        job, node: the step.
        hops: how often this knock was handed on before.
        idle: only to one that runs nothing.

    Returns:
        False if there is none, or the knock has wandered enough.
    """
    row = Step.objects.filter(job_id=job, node=node).values_list("needs", "requires").first()
    if row is None:
        return True  # nothing is to be done any more
    if hops >= HOPS:
        return False
    others = [name for name in _others(me, *row, idle=idle) if own_queue(name) != own_queue(me.name)]
    if not others:
        return False
    knocks.at(random.choice(others), job, node, hops + 1)
    return True


def _others(me: Incarnation, needs: str, requires: str, *, idle: bool) -> Iterator[str]:
    living = Worker.objects.filter(dead=False, draining=False, alive_until__gt=clock.now()).exclude(id=me.id)
    if idle:
        busy = Step.objects.filter(worker__isnull=False).values("worker")
        living = living.exclude(id__in=busy)
    for name, offers, able in living.values_list("name", "offers", "capabilities"):
        if fits(needs, requires, json.loads(offers), json.loads(able)):
            yield name


def fits(needs: str, requires: str, offers: Any, able: Any) -> bool:
    """Whether a worker with these offers and capabilities can run a step that needs and requires this."""
    asked = {part for part in requires.split(",") if part}
    return (not needs or needs in offers) and asked <= set(able)
