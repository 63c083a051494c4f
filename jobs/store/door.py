"""`commit`: decide on what is known, append only if it is still the whole truth (Laws L1, L3)."""

from __future__ import annotations

import logging
import random
from collections.abc import Callable
from datetime import datetime
from threading import get_ident
from uuid import UUID

from django.db import IntegrityError, InterfaceError, OperationalError, connection, transaction

from ledger.crashpoints import crashpoint

from .. import clock, knocks
from ..core.commands import At, Command
from ..core.errors import Busy, Refused
from ..core.moments import text
from ..core.state import JobState
from ..models import Delivery
from ..outage import AWAY
from ..turns import turn
from .group import Asked, Committed, Wish, company, granted, in_its_turn, look_at
from .outages import Unsure, rest, undone, written
from .reading import Entry, entry, latest, load_cached, lock_row, refresh
from .writing import Conflict, Delivered, Sealed, WorkerDead, append, append_alone, seal

OPTIMISTIC = 2  # conflicts before the row is locked first
TRIES = 20
UNTIL_WRITTEN = 1_000_000
Told = tuple[Sealed, bool]  # what was written, and whether it owes deliveries
log = logging.getLogger("aetheris.store")


def commit(
    job: str | UUID,
    *wishes: Command,
    worker: str | None = None,
    delivery: str | None = None,
    now: datetime | None = None,
    patience: Callable[[], bool] | None = None,
) -> Committed:
    """Commit commands of one job: all of them, or none.

    Args:
        job: the job's id.
        wishes: commands, each judged on what the ones before it lead to.
        worker: the worker that claims a step with them.
        delivery: the delivery row that asked; it goes in the same transaction.
        now: the moment to judge at, where the database was asked for it; else this process's corrected clock.
        patience: asked whether to go on while the database is away; without it, an outage raises at once.

    Returns:
        The state after, and the facts.

    Raises:
        Refused: a wish is not granted.
        WorkerDead: the claiming worker has been declared dead.
        ledger.services.Taken, NotReserved: the ledger stands against a promise.
        Busy: the head kept moving.
    """
    known = entry(job)
    mine = Asked(Wish(wishes, worker, delivery, now, known.seen.pop(get_ident(), None)), patience)
    told = in_its_turn(known, mine, lambda: _carried_out(known, mine))
    if told is not None:
        crashpoint("after_commit_before_knock")
        sealed, owes = told
        knocks.after_commit(sealed.before, sealed.after, owes=owes)
    if mine.error is not None:
        raise mine.error
    assert mine.done is not None
    return mine.done


def _carried_out(known: Entry, mine: Asked) -> Told | None:
    """Write a commit, and what waits with it."""
    group = company(known, mine)
    if len(group) > 1:
        told = _together(known, mine, group)
        if mine.settled:
            return told
    return _settled(known, [mine], *_committed(known, mine.wish, mine.patience))


def _together(known: Entry, mine: Asked, group: list[Asked]) -> Told | None:
    """Write a group; None where its members have been told, or are to go by themselves."""
    try:
        chosen, wish = granted(latest(known), group, _at(None))
    except Exception as error:  # nothing was written: each by itself meets it, or waits it out
        _one_by_one(known, group, error)
        return None
    if mine.alone or len(chosen) == 1:
        known.asked.extend(each for each in chosen if each is not mine)
        return None
    try:
        done = _committed(known, wish, mine.patience)
    except AWAY as outage:  # perhaps written: nobody asks for it anew
        for each in chosen:
            each.settle(error=outage)
        return None
    except Exception as refused:  # of one of them, and so nothing was written
        _one_by_one(known, chosen, refused)
        return None
    return _settled(known, chosen, *done)


def _one_by_one(known: Entry, group: list[Asked], why: Exception) -> None:
    log.debug("job %s: %d commits go one by one: %s", known.job, len(group), why)
    for each in group:
        each.goes_alone()


def _settled(known: Entry, group: list[Asked], sealed: Sealed | None, owes: bool) -> Told | None:
    done = Committed(latest(known), ()) if sealed is None else Committed(sealed.after, sealed.facts)
    for each in group:
        each.settle(done)
    return None if sealed is None else (sealed, owes)


def _committed(known: Entry, wish: Wish, patience: Callable[[], bool] | None) -> tuple[Sealed | None, bool]:
    unsure: Sealed | None = None
    collided = False
    for attempt in range(TRIES if patience is None else UNTIL_WRITTEN):
        try:
            if unsure is not None:
                return _sent_again(known, unsure, wish), True
            return (_locked if attempt >= OPTIMISTIC else _optimistic)(known, wish)
        except Conflict:
            known.behind, unsure = True, None
            if (
                attempt >= OPTIMISTIC
            ):  # read under the lock, and yet not the head: what was known is of another database
                known.forget()
        except Delivered:
            known.behind = True
            return None, False
        except (
            IntegrityError
        ):  # another job was faster at a line of the ledger: what it wrote can be read now
            if collided:
                raise
            known.behind = collided = True
        except Unsure as lost:
            unsure = lost.sealed or unsure
            _wait_for_database(known, lost, attempt, patience)
        except (OperationalError, InterfaceError) as outage:
            _wait_for_database(known, outage, attempt, patience)
    raise Busy(f"job {known.job} is being changed by others all the time; nothing was written, ask again")


def _wait_for_database(
    known: Entry, outage: Exception, attempt: int, patience: Callable[[], bool] | None
) -> None:
    """The answer is unknown: forget what was known, and look at the head before anything else."""
    cause = (outage.__cause__ or outage) if isinstance(outage, Unsure) else outage
    known.behind = True
    if undone(cause):
        if patience is None and attempt > OPTIMISTIC:
            raise Busy(f"job {known.job} is locked by others; nothing was written, ask again") from cause
        if patience is not None and not patience():
            raise cause
        return
    connection.close()
    known.forget()
    if patience is None and attempt >= OPTIMISTIC:
        raise cause
    rest(known.job, cause, attempt)
    if patience is not None and not patience():
        raise cause


def _drafted(known: Entry, wish: Wish) -> Sealed | None:
    """The events that the wish leads to.

    A refusal, and a wish that changes nothing, may have been judged on what is no longer so: they hold only if
    nothing has been appended meanwhile.
    """
    fresh = known.state is None or known.behind
    latest(known)
    try:
        sealed = decided(known, wish)
    except Refused:
        if fresh or not _moved(known):
            raise
        return decided(known, wish)
    if sealed is None and not fresh and _moved(known):
        return decided(known, wish)
    return sealed


def _moved(known: Entry) -> bool:
    before = latest(known).seq
    return refresh(known).seq != before


def look(job: str | UUID, *wishes: Command) -> tuple[JobState, JobState]:
    """Where wishes would lead on what this process knows; this thread's next commit goes on from there if it still can.

    It waits for nobody: what another thread is writing at this moment is not in it.

    Returns:
        The state before and after.

    Raises:
        Refused: one would not be granted.
    """
    known = entry(job)
    seen = look_at(known.state or load_cached(job), wishes, _at(None))
    known.seen[get_ident()] = seen
    return seen.before, seen.after


def _at(now: datetime | None) -> At:
    return At(now=text(now or clock.now()), dice=random.random())


def decided(known: Entry, wish: Wish) -> Sealed | None:
    """The events that the wish leads to on what is known; None for none."""
    led = look_at(latest(known), wish.commands, _at(wish.now), wish.seen if wish.now is None else None)
    return seal(led.before, led.after, led.facts, known.hash) if led.facts else None


def _sent_again(known: Entry, sealed: Sealed, wish: Wish) -> Sealed:
    """A commit whose answer was lost: written if the event at our number has our hash, else the same bytes go again.

    The lost one may still land while this one is under way; then the head is not ours to move, but the event is ours.
    """
    if not written(sealed):
        try:
            with turn():
                append_alone(sealed, worker=wish.worker, delivery=wish.delivery)
        except (Conflict, WorkerDead):
            if not written(sealed):
                raise
        except (OperationalError, InterfaceError) as lost:
            raise Unsure(sealed) from lost
    return remember(known, sealed)


def _optimistic(known: Entry, wish: Wish) -> tuple[Sealed | None, bool]:
    sealed = _drafted(known, wish)
    if sealed is None:
        _nothing(wish)
        return None, False
    try:
        with turn():
            owes = append_alone(sealed, worker=wish.worker, delivery=wish.delivery)
    except (OperationalError, InterfaceError) as lost:
        raise Unsure(sealed) from lost
    return remember(known, sealed), owes


def _locked(known: Entry, wish: Wish) -> tuple[Sealed | None, bool]:
    """Under contention: lock the row first, then read, decide and append."""
    sealed, owes = None, False
    try:
        with turn(), transaction.atomic(durable=True):
            lock_row(known)
            known.behind = True
            sealed = _drafted(known, wish)
            if sealed is not None:
                owes = append(sealed, worker=wish.worker, delivery=wish.delivery)
    except (OperationalError, InterfaceError) as lost:
        raise Unsure(sealed) from lost
    if sealed is None:
        _nothing(wish)
        return None, False
    return remember(known, sealed), owes


def _nothing(wish: Wish) -> None:
    """A command that leads to nothing is done; what asked for it is settled."""
    if wish.delivery is not None:
        Delivery.objects.filter(id=wish.delivery).delete()


def remember(known: Entry, sealed: Sealed) -> Sealed:
    """Keep what was written, so that the next commit reads nothing."""
    crashpoint("after_commit")
    known.state, known.hash, known.behind = sealed.after, sealed.hash, False
    return sealed
