"""The tick: fires what is due, takes over from the dead, knocks again. Ten of them at once do no harm.

Two indexed queries, in bounded batches: steps whose `wake_at` has come, and steps of dead workers. A parked
step without a deadline has no `wake_at` and is never read.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Collection, Iterator
from datetime import datetime, timedelta
from functools import partial
from typing import Any
from uuid import UUID

from django.db import IntegrityError
from django.db.models import F, Q, QuerySet

from ledger.crashpoints import crashpoint

from . import alarms, clock, knocks, store
from .admission import fits
from .answers import awaited
from .conf import conf
from .core.commands import Due, Hold, LoseLease, Unhold
from .core.errors import Busy, Refused
from .core.moments import parse
from .core.state import TOOL, JobState
from .models import Step, Tick, Worker
from .outage import AWAY, in_a_line
from .registration import known_gone
from .services import deliver_due, notify_due
from .turns import turn

log = logging.getLogger("aetheris.scheduler")
BATCH = 500
NAME = "tick"
CLAIM_SECONDS = 5.0
KNOCK_AGAIN = timedelta(seconds=5)
PERIOD = 1.0
GAP = timedelta(seconds=3 * PERIOD)  # without an answer of the database: an outage
COLUMNS = ("id", "job_id", "node", "state", "requires")


def tick() -> bool:
    """One turn of the clock, if no other process is at it.

    Returns:
        Whether this process did it.
    """
    with awaited() as answers:  # from its first question on: it may hang at any
        now = clock.database_now()
        if not _claim(now):
            return False
        bury(now, silence_counts=_answering(now))
        release_dead(now)
        fire_due(now)
        place_held()
        deliver_due()
        notify_due()
        crashpoint("after_tick")
        ended = clock.database_now()
    again = {"answered_at": ended} if answers.longest > GAP else {}
    with turn():
        Tick.objects.filter(name=NAME).update(finished_at=ended, claimed_until=now, **again)
    return True


def _claim(now: datetime) -> bool:
    until = now + timedelta(seconds=CLAIM_SECONDS)
    fresh = now - timedelta(seconds=PERIOD * 0.5)
    due = Q(finished_at__isnull=True) | Q(finished_at__lte=fresh)
    with turn():
        claimed = Tick.objects.filter(due, name=NAME, claimed_until__lte=now).update(claimed_until=until)
    if claimed:
        return True
    if Tick.objects.filter(name=NAME).exists():
        return False
    try:
        with turn():
            Tick.objects.create(name=NAME, claimed_until=until)
    except IntegrityError:
        return False
    return True


def _answering(now: datetime) -> bool:
    """Whether the database has answered for a whole TTL: an outage is nobody's silence."""
    row = Tick.objects.get(name=NAME)
    gap = row.finished_at is None or row.finished_at < now - GAP
    if gap or row.answered_at is None:
        with turn():
            Tick.objects.filter(name=NAME).update(answered_at=now)
        return False
    return row.answered_at <= now - timedelta(seconds=conf().LEASE_TTL)


def stale(now: datetime) -> bool:
    """Whether the last finished tick is so old that somebody else must take it over."""
    row = Tick.objects.filter(name=NAME).first()
    return row is None or row.finished_at is None or row.finished_at < now - GAP


def bury(now: datetime, *, silence_counts: bool = True) -> None:
    """Declare silent workers dead. Their death is final: they register anew if they live."""
    silent = list(Worker.objects.filter(dead=False, alive_until__lt=now)[:BATCH]) if silence_counts else []
    for worker in silent:
        known = known_gone(worker)
        with turn():
            silent_still = Worker.objects.filter(id=worker.id, dead=False, alive_until__lt=now)
            done = silent_still.update(dead=True, known_dead=known)
        if done:
            crashpoint("in_bury")
            log.warning(
                "worker %s is silent since %s: its steps go to others", worker.name, worker.alive_until
            )
    for worker in Worker.objects.filter(dead=False)[:BATCH]:  # sooner, where the death is known
        if not known_gone(worker):
            continue
        with turn():
            done = Worker.objects.filter(id=worker.id, dead=False).update(dead=True, known_dead=True)
        if done:
            crashpoint("in_bury")
            log.warning(
                "worker %s is gone (process %s has ended): its steps go to others", worker.name, worker.pid
            )


def release_dead(now: datetime) -> None:
    """Free the steps of dead workers."""
    busy = (
        Step.objects.filter(worker__isnull=False)
        .order_by("worker")
        .values_list("worker", flat=True)
        .distinct()
    )
    dead: dict[Any, Worker] = {row.id: row for row in Worker.objects.filter(id__in=list(busy), dead=True)}
    if not dead:
        return
    rows = Step.objects.filter(worker__in=list(dead))[:BATCH].values_list("job_id", "node", "fence", "worker")
    for job, node, fence, worker in list(rows):
        # One that was told to stop did not die of its steps, so they are charged with nothing.
        reason = "drained" if dead[worker].draining else "worker_dead"
        _command(job, LoseLease(node, fence, reason, known_dead=dead[worker].known_dead), now)
        crashpoint("in_release")


def fire_due(now: datetime) -> None:
    """Fire due timers and deadlines, and knock for steps that nobody has come for."""
    due = Step.objects.filter(wake_at__lte=now).filter(Q(knock_at__isnull=True) | Q(knock_at__lte=now))
    _fire(list(due.order_by("wake_at", "id")[:BATCH].values_list(*COLUMNS)), now)


def look_at(steps: Collection[tuple[str, str]]) -> None:
    """Look at steps whose time has come, by the memory of this process; the tick would come to them later."""
    now = clock.database_now()
    for job, node in steps:
        rows = Step.objects.filter(job_id=job, node=node, wake_at__isnull=False)
        for wake_at, *row in list(rows.values_list("wake_at", *COLUMNS)):
            if wake_at <= now:
                _fire([row], now)
            else:
                alarms.again(job, node, (wake_at - now).total_seconds())


def knock(job: str, node: str) -> None:
    """Knock for a step again, at the queue of the workers that can run it."""
    for requires in Step.objects.filter(job_id=job, node=node).values_list("requires", flat=True):
        knocks.send([(job, node, [part for part in requires.split(",") if part])])


def _fire(rows: list[Any], now: datetime) -> None:
    if not rows:
        return
    with turn():
        Step.objects.filter(id__in=[row[0] for row in rows]).update(knock_at=now + KNOCK_AGAIN)
    crashpoint("in_tick")
    knocks.send(knocks.few(_to_be_knocked_for(rows, now), knocks.SWEPT))


def _to_be_knocked_for(rows: list[Any], now: datetime) -> Iterator[knocks.Knock]:
    for _, job, node, state, requires in rows:
        if state in ("ready", "backoff") or _is_to_be_probed(_command(job, Due(node=node), now), node, now):
            yield str(job), node, [part for part in requires.split(",") if part]


def _is_to_be_probed(state: JobState | None, name: str, now: datetime) -> bool:
    """Whether a parked step has an unknown outcome whose probe is due: a worker must come for it."""
    node = state.nodes.get(name) if state is not None else None
    if state is None or node is None or node.status != "parked":
        return False
    calls = [state.calls[path] for path in node.open]
    return any(each.status == "unknown" and each.wake_at and parse(each.wake_at) <= now for each in calls)


def _command(job: UUID, wish: Due | LoseLease | Hold | Unhold, now: datetime) -> JobState | None:
    try:
        return store.commit(job, wish, now=now).state
    except Refused as refused:
        log.debug("job %s: %s", job, refused)
    except (*AWAY, Busy) as outage:
        log.warning(
            "job %s: the sweep could not carry out %s: %s", job, type(wish).__name__, in_a_line(outage)
        )
        clock.database_now()  # raises if the database is away altogether: this sweep is over
    except Exception:
        log.exception("job %s: the sweep could not carry out %s; the next one tries again", job, wish)
    return None


def place_held() -> None:
    """Park ready steps that no living worker can run, naming what is missing; wake them when one registers."""
    crew = _crew()
    offered = {offer for offers, _ in crew for offer in offers}
    now = clock.now()
    doubtful = Step.objects.filter(
        state__in=("ready", "backoff"), wake_at__lte=now, knock_at__gt=F("wake_at")
    )
    doubtful = doubtful.filter(~Q(needs__in=["", *offered]) | ~Q(requires=""))
    for steps, missing in _by_what_they_lack(doubtful, crew):
        if missing is not None:
            kind, name = missing
            _to_each(steps, partial(Hold, kind=kind, name=name), now)
    held = Step.objects.filter(hold__in=("version", "capability"))
    for steps, missing in _by_what_they_lack(held, crew):
        if missing is None:
            _to_each(steps, Unhold, now)


def _to_each(steps: QuerySet[Step], wish: Callable[[str], Hold | Unhold], now: datetime) -> None:
    for row in steps:
        _command(row.job_id, wish(row.node), now)
        crashpoint("in_place")


Crew = list[tuple[frozenset[str], frozenset[str]]]  # of each worker: what it offers, what it is capable of


def _crew() -> Crew:
    living = Worker.objects.filter(dead=False, draining=False).values_list("offers", "capabilities")
    return [(frozenset(json.loads(offers)), frozenset(json.loads(able))) for offers, able in living]


def _by_what_they_lack(
    steps: QuerySet[Step], crew: Crew
) -> Iterator[tuple[QuerySet[Step], tuple[str, str] | None]]:
    for needs, requires in list(steps.order_by().values_list("needs", "requires").distinct()):
        alike = steps.filter(needs=needs, requires=requires).order_by("id")[:BATCH]
        yield alike, _missing(needs, requires, crew)


def _missing(needs: str, requires: str, crew: Crew) -> tuple[str, str] | None:
    """The kind and the name of what no living worker has; None if one can run such steps."""
    if not crew or any(fits(needs, requires, offers, able) for offers, able in crew):
        return None  # no worker at all is no news about this step
    if not any(fits("", requires, (), able) for _, able in crew):
        return "capability", requires
    if needs and not any(needs in offers for offers, _ in crew):
        return ("capability" if needs.startswith(TOOL) else "version"), needs
    return "capability", f"{requires},{needs}"  # each is offered, and nobody offers both
