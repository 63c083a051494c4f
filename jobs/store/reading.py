"""Reading a job: its events folded, from the start or from where the cache stands."""

from __future__ import annotations

import threading
from collections import OrderedDict, deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django.db import connection

from ledger.statements import Select

from ..bodies import folded
from ..conf import conf
from ..core.chain import GENESIS
from ..core.errors import NotFound
from ..core.events import Fact
from ..core.evolve import fold
from ..core.state import JobState
from ..models import Event, Job
from .group import Asked, Looked

read_after = Select(
    Event, ("seq", "type", "node", "at", "body", "hash", "tenant"), ("job_id", "seq"), '"job_id" = %s AND "seq" > %s ORDER BY "seq"'
)  # fmt: skip
LOCK_TIMEOUT_MS = 2000  # far below the lease's time to live

AT_A_TIME = 500  # events


@dataclass
class Entry:
    """What this process knows of one job. The lock queues this process's commits of it (L3)."""

    job: str
    lock: threading.RLock = field(default_factory=threading.RLock)
    state: JobState | None = None
    hash: str = GENESIS
    behind: bool = False  # something has been appended that is not in `state`
    seen: dict[int, Looked] = field(default_factory=dict)  # by thread: where its next wish would lead
    asked: deque[Asked] = field(default_factory=deque)  # commits that wait for the lock

    def forget(self) -> None:
        self.state = None
        self.hash = GENESIS


_entries: OrderedDict[str, Entry] = OrderedDict()
_guard = threading.Lock()


def entry(job: str | UUID) -> Entry:
    """The cache's place for a job; the least recently used ones make room.

    Inside a caller's transaction it is a place of its own: what is read there may be rolled back.

    Raises:
        NotFound: the text is no job's id.
    """
    if connection.in_atomic_block:
        return Entry(_key(job))
    with _guard:
        found = _entries.get(job)  # type: ignore[arg-type]  # in the one form already, most of the time
        if found is None:
            key = _key(job)
            found = _entries.get(key) or _with_room(key)
        _entries.move_to_end(found.job)
        return found


def _with_room(key: str) -> Entry:
    """A new place, and no more of them than there may be; needs the guard."""
    made = _entries[key] = Entry(key)
    over = len(_entries) - conf().CACHE
    for other in list(_entries)[:over] if over > 0 else ():
        if _entries[other].lock.acquire(blocking=False):  # nobody is at it
            _entries.pop(other).lock.release()
    return made


def _key(job: str | UUID) -> str:
    try:
        return str(UUID(str(job)))  # the one form that the chain is linked with
    except ValueError:
        raise NotFound(f"there is no job {job!r}") from None


def lock_row(known: Entry) -> None:
    """Keep the job's head where it is until the transaction ends, with a limit to the wait."""
    rows = Job.objects.filter(id=known.job)
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute(f"SET LOCAL lock_timeout = {LOCK_TIMEOUT_MS}")
        rows = rows.select_for_update()
    rows.values_list("head_seq").first()


def forget_all() -> None:
    """Empty the cache (after a fork, and in tests)."""
    with _guard:
        _entries.clear()


def refresh(known: Entry) -> JobState:
    """Read what has been appended since, and fold it.

    Raises:
        NotFound: there is no such job.
    """
    after = known.state.seq if known.state else 0
    rows = read_after(known.job, after)
    if known.state is not None and any(row[1] == "payload_erased" for row in rows):
        known.forget()  # what was erased is in that state still, and would be written again
        return refresh(known)
    if rows:
        bodies = _bodies(known.job, rows)
        facts = (
            Fact(type=row[1], node=row[2], body=body, seq=row[0], at=row[3])
            for row, body in zip(rows, bodies, strict=True)
        )
        known.state = fold(facts, known.state or JobState(job=known.job))
        known.hash = rows[-1][5]
    known.behind = False
    if known.state is None:
        raise NotFound(f"there is no job {known.job}")
    return known.state


def _bodies(job: str | UUID, rows: list[tuple[Any, ...]]) -> list[dict[str, Any]]:
    return folded(job, rows[0][6], [row[0] for row in rows], [row[4] for row in rows])


def latest(known: Entry) -> JobState:
    """What is known, read anew only where it is known to be behind.

    Raises:
        NotFound: there is no such job.
    """
    if known.state is None or known.behind:
        return refresh(known)
    return known.state


def load(job: str | UUID) -> JobState:
    """The job's state now: reads the events that this process has not seen.

    Raises:
        NotFound: there is no such job.
    """
    known = entry(job)
    with known.lock:
        return refresh(known)


def load_cached(job: str | UUID) -> JobState:
    """The job's state as this process last knew it; only the first look reads. A commit checks it against the head."""
    known = entry(job)
    state = known.state  # once, and without the lock: nobody waits for what others are writing
    if state is not None:
        return state
    with known.lock:
        return known.state or refresh(known)


def recorded(job: str | UUID) -> Iterator[tuple[Fact, str]]:
    """Every event of a job with its hash, from the first one on, past any cache; read a few hundred at a time."""
    after = 0
    while True:
        rows = list(
            Event.objects.filter(job_id=job, seq__gt=after)
            .order_by("seq")
            .values_list("seq", "type", "node", "at", "body", "hash", "tenant")[:AT_A_TIME]
        )
        if not rows:
            return
        bodies = _bodies(job, rows)
        for row, body in zip(rows, bodies, strict=True):
            yield Fact(type=row[1], node=row[2], body=body, seq=row[0], at=row[3]), row[5]
        after = rows[-1][0]


def state_of(job: str | UUID) -> JobState:
    """The job's state folded from its first event, past any cache: for audits and replays."""
    return refresh(Entry(str(UUID(str(job)))))
