"""Doing a verification: job after job in the order of their creation, in slices, so that no worker's slot is kept.

Jobs are read in snapshots, large ones each in its own, without locks. What was found is written together with how far the
verification has come, and only by whoever holds its claim: two workers at once write nothing twice.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from time import monotonic
from uuid import UUID, uuid4

from django.db import Error, connection, transaction
from django.db.models import F, Max, Value
from django.db.models.functions import Coalesce

from jobs import clock
from jobs.conf import conf
from jobs.models import Event, Job
from jobs.turns import turn

from .. import log as log_of_heads
from .. import record
from ..models import Breakage, Verification
from ..proof import Break, Head
from . import alarms
from .alarms import Finding
from .gone import gone
from .job import Found, inspect, inspect_many
from .orphans import orphans
from .runs import free
from .scope import Next, Scope, following

log = logging.getLogger("aetheris.verification")

SLICE = 10.0  # seconds after which a task hands on to the next one
SAVE = 2.0  # seconds after which what was found is written
GROUP = 50  # jobs that are read in one snapshot, if they are small
SMALL = 2_000  # events that such a group has at most
BATCH = 100  # jobs that are listed at once
CLAIM = timedelta(seconds=60)
SLOW = 500  # events a second that are surely verified: a large job keeps the claim for so long
SCANNED = 20_000  # rows a second in which orphans are surely looked for
LONGEST = timedelta(hours=1)


def run(
    key: UUID | str, seconds: float | None = SLICE, tell: Callable[[Verification], None] | None = None
) -> bool:
    """Go on with a verification.

    Args:
        key: its id.
        seconds: how long; None until it is done.
        tell: told of the row whenever it was written.

    Returns:
        Whether it has more to do and waits for somebody; False also if somebody else is at it.
    """
    claim, now = uuid4(), clock.database_now()
    with turn():
        taken = Verification.objects.filter(free(), id=key).update(
            claim=claim,
            claimed_until=now + CLAIM,
            state="running",
            started_at=Coalesce(F("started_at"), Value(now)),
        )
    if not taken:
        return False
    work = _Work(Verification.objects.get(id=key), claim, tell)
    try:
        return work.go(seconds)
    except _Lost:
        return False


class _Lost(Exception):
    """Another worker has taken it up, or somebody has cancelled it."""


@dataclass
class _Work:
    """A verification in the hands of one worker."""

    row: Verification
    claim: UUID
    tell: Callable[[Verification], None] | None = None
    whole: list[UUID] = field(default_factory=list)
    found: list[Finding] = field(default_factory=list)
    events: int = 0

    def __post_init__(self) -> None:
        self.scope = Scope.of(self.row.scope)
        self.begun = self.saved = monotonic()

    def go(self, seconds: float | None) -> bool:
        """Look at job after job until there are none, or the time is over."""
        try:
            for some in in_groups(self._jobs()):
                self._look(some)
                if seconds is not None and monotonic() - self.begun > seconds:
                    self._save(claimed_until=None)
                    return True
        except (TypeError, ValueError) as error:  # a forged value in the list of jobs itself
            self._unlistable(error)
        self._save()
        self._rest()
        return False

    def _jobs(self) -> Iterator[Next]:
        jobs, listed = self.scope.jobs(self.row.tenant), self.row.position
        while some := following(jobs, listed, BATCH):
            yield from some
            listed = some[-1].position

    def _look(self, some: Sequence[Next]) -> None:
        allowance = timedelta(seconds=min(_number(some[0].head_seq) / SLOW, LONGEST.total_seconds()))
        if allowance > CLAIM / 4:
            self._save(claimed_until=clock.database_now() + CLAIM + allowance)
        for each, looked in zip(some, look_at(some, self.row.tenant), strict=True):
            self.row.jobs += 1
            self.row.position = each.position
            self.events += looked.events
            if looked.broken is None:
                self.whole.append(each.id)
            else:
                self.found.append(Finding(self.row.tenant, each.id, looked.broken))
        if monotonic() - self.saved > SAVE or len(self.whole) + len(self.found) >= BATCH:
            self._save()

    def _unlistable(self, error: Exception) -> None:
        message = f"the jobs behind {self.row.position or 'the first'} cannot be listed: {error}"
        self.found.append(
            Finding(self.row.tenant, None, Break("unreadable", 0, message, Job._meta.db_table, "list"))
        )

    def _rest(self) -> None:
        """What belongs to no job, and the end."""
        if self.scope.everything:
            rows = Event.objects.aggregate(last=Max("id"))["last"] or 0
            allowance = timedelta(seconds=min(rows / SCANNED, LONGEST.total_seconds()))
            self._save(claimed_until=clock.database_now() + CLAIM + allowance)
            self.found.extend(orphans(self.row.tenant))
            self.found.extend(gone(self.row.tenant))
            self.found.extend(self._vanished())
            self.found.extend(self._log())
        now = clock.database_now()
        self._save(state="done", finished_at=now, claimed_until=None)
        if self.scope.everything and self.row.started_at is not None:
            alarms.clear_unfound(self.row.tenant, self.row.started_at)
        words = "%d jobs, %d events, %d broken"
        log.info(f"verification %s of tenant %s: {words}", self.row.id, self.row.tenant, self.row.jobs, self.row.events,
                 self.row.broken)  # fmt: skip

    def _log(self) -> list[Finding]:
        """The transparency log, which is one for all tenants: looked at with the default one's jobs."""
        if self.row.tenant != conf().DEFAULT_TENANT:
            return []
        broken = log_of_heads.verify_log().broken
        if broken is None:
            return []
        place = Break("broken_log", 0, broken.message, broken.table, str(broken.place), broken.kind)
        return [Finding(self.row.tenant, None, place)]

    def _vanished(self) -> list[Finding]:
        """Jobs whose record was broken, and that are not there any more."""
        found = []
        for alarm in alarms.standing(self.row.tenant).filter(subject__startswith="job:"):
            if (
                alarm.job_id is None
                or Job.objects.filter(id=alarm.job_id).exists()
                or record.pruned(alarm.job_id)
            ):
                continue
            message = f"job {alarm.job_id}, whose record was found broken, does not exist any more"
            place = Break("missing", 1, message, Job._meta.db_table, str(alarm.job_id))
            found.append(Finding(alarm.tenant, alarm.job_id, place))
        return found

    def _save(self, **columns: object) -> None:
        """Write how far it has come, and what was found, in one go.

        Raises:
            _Lost: it is not ours any more; nothing was written.
        """
        now, since = clock.database_now(), monotonic()
        more = {"claimed_until": now + CLAIM, **columns}
        with turn(), transaction.atomic():
            mine = Verification.objects.filter(id=self.row.id, claim=self.claim, state="running")
            if not mine.update(
                position=self.row.position, jobs=self.row.jobs, events=F("events") + self.events,
                broken=F("broken") + len(self.found), seconds=F("seconds") + (since - self.saved), **more,
            ):  # fmt: skip
                raise _Lost
            self._write(self.found, now)
            alarms.clear(self.row.tenant, self.whole)
        self.saved, self.events, self.whole, self.found = since, 0, [], []
        self.row.refresh_from_db()
        if self.tell is not None:
            self.tell(self.row)

    def _write(self, found: Sequence[Finding], now: datetime) -> None:
        rows = [Breakage(verification=self.row.id, found_at=now, **each.columns()) for each in found]
        Breakage.objects.bulk_create(rows)
        alarms.raise_for(found, self.row.id)


def in_groups(jobs: Iterable[Next]) -> Iterator[list[Next]]:
    """Jobs as they are read: several small ones in one snapshot, a large one in its own."""
    some: list[Next] = []
    events = 0
    for each in jobs:
        if some and (len(some) == GROUP or events + _number(each.head_seq) > SMALL):
            yield some
            some, events = [], 0
        some.append(each)
        events += _number(each.head_seq)
    if some:
        yield some


def look_at(some: Sequence[Next], tenant: str) -> list[Found]:
    """Look at jobs, together if that goes."""
    if len(some) > 1:
        try:
            found = inspect_many([each.id for each in some])
        except Exception as error:  # rows of any content; one by one it is found whose they are
            log.debug("%d jobs cannot be read together: %s", len(some), error)
        else:
            if len(found) == len(some):
                return found
    return [look(each.id, tenant) for each in some]


def look(job: UUID, tenant: str) -> Found:
    """Look at one job, whatever its rows hold: what cannot even be read is a break like any other.

    Raises:
        django.db.Error: the database is away.
    """
    try:
        return inspect(job)
    except Job.DoesNotExist:
        if record.pruned(job):
            return Found(str(job), tenant, 0, Head(0, ""), None)
        return _unreadable(job, tenant, "missing", "it was there a moment ago, and is gone")
    except Error as error:
        connection.close()
        connection.ensure_connection()  # it answers: so it is this job's rows
        return _unreadable(job, tenant, "unreadable", f"its rows cannot be read: {str(error).strip()[:200]}")
    except (
        Exception
    ) as error:  # rows of any content: one job must not keep all the others from being looked at
        return _unreadable(
            job, tenant, "unreadable", f"its rows cannot be read: {type(error).__name__}: {error}"
        )


def _unreadable(job: UUID, tenant: str, kind: str, why: str) -> Found:
    place = Break(kind, 1, f"job {job}: {why}", Job._meta.db_table, str(job))
    return Found(str(job), tenant, 0, Head(0, ""), place)


def _number(value: object) -> int:
    return value if isinstance(value, int) and value > 0 else 0
