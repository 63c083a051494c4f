"""`commit_jointly`: rows that a tool writes, and the outcome that speaks of them, in one transaction or not at all."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from uuid import UUID

from django.db import InterfaceError, OperationalError, connection, transaction

from ledger.crashpoints import crashpoint

from .. import knocks
from ..core.commands import Command
from ..turns import turn
from .door import decided, remember
from .group import Committed, Wish
from .outages import written
from .reading import Entry, entry, latest, lock_row
from .writing import Sealed, append

log = logging.getLogger("aetheris.store")


class OutOfTime(Exception):
    """The work took longer than it may; all of it was rolled back."""


def commit_jointly(job: str | UUID, work: Callable[[], Command], *, seconds: float) -> Committed:
    """Open a transaction, do the work in it, append what it leads to, and commit both.

    The job's row is locked only once the work is done, and then read: nothing that others append meanwhile makes the
    work be done again. Whatever is raised, except from a hook that runs after the commit, means that nothing of it
    happened. The cache of this process, and with it everybody who reads this job here, is left alone until the end.

    Args:
        job: the job's id.
        work: writes rows to the store's database, and gives the command that says so.
        seconds: how long it may take, below a third of the lease's time to live.

    Returns:
        The state after, and the facts.

    Raises:
        Refused: the command is not granted (any more).
        OutOfTime: it took too long.
        Exception: what the work, or the database, raised.
    """
    known = entry(job)
    own = _own_view(known)
    sealed, owes = None, True
    try:
        with turn(), transaction.atomic(durable=True):
            over = time.monotonic() + seconds
            _bound(seconds)
            wish = work()
            sealed, owes = _appended(own, wish)
            if time.monotonic() > over:
                raise OutOfTime(f"job {job}: the tool took longer than {seconds:g} s; it is rolled back")
            crashpoint("before_joint_commit")
    except Exception as error:
        if sealed is None or not _kept(own, sealed):
            raise
        log.warning("job %s: committed, and then: %s: %s", job, type(error).__name__, error)
    assert sealed is not None
    return _committed(known, sealed, owes)


def _own_view(known: Entry) -> Entry:
    with known.lock:
        return Entry(known.job, state=latest(known), hash=known.hash)


def _committed(known: Entry, sealed: Sealed, owes: bool) -> Committed:
    crashpoint("after_joint_commit")
    with known.lock:
        if known.state is None or known.state.seq < sealed.after.seq:
            remember(known, sealed)
    knocks.after_commit(sealed.before, sealed.after, owes=owes)
    return Committed(sealed.after, sealed.facts)


def _bound(seconds: float) -> None:
    """On Postgres the server keeps the time too: of one statement, and of a process that stands still."""
    if connection.vendor != "postgresql":
        return
    limit = str(max(1, int(seconds * 1000)))
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT set_config('statement_timeout', %s, true),"
            " set_config('idle_in_transaction_session_timeout', %s, true)",
            [limit, limit],
        )


def _appended(own: Entry, wish: Command) -> tuple[Sealed, bool]:
    lock_row(own)
    own.behind = True
    sealed = decided(own, Wish((wish,)))
    assert sealed is not None  # an outcome is always news
    return sealed, append(sealed)


def _kept(own: Entry, sealed: Sealed) -> bool:
    """Whether a commit that ended in an error took effect: ask until the database answers (Law L3).

    A commit whose answer was lost may still be under way; it holds the job's row, so whoever has the row knows.
    """
    pause = 0.05
    while True:
        try:
            with turn(), transaction.atomic(durable=True):
                lock_row(own)
                return written(sealed)
        except (OperationalError, InterfaceError) as away:
            log.warning("job %s: the answer of a commit was lost (%s); looking again", own.job, away)
            connection.close()
            time.sleep(pause)
            pause = min(2.0, pause * 2)
