"""Which heads have moved: jobs that have new events, and access logs that have new entries.

Events are read by their ids, a window at a time. A transaction may take an id and commit late, so the ids of the last
two minutes are looked at again until nobody can fill a gap among them any more.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction
from django.db.models import Max

from jobs import clock
from jobs.core.moments import parse, text
from jobs.models import Event, Job
from jobs.turns import turn

from .. import access
from ..models import Checkpoint, LogState
from . import keyring
from .leaves import Told
from .writing import BATCH, Head, add, checkpoint, locked

WINDOW = 20_000  # event ids that are looked at with one query
PATIENCE = timedelta(seconds=120)  # far above the time that a commit may take
MOST_MARKS = 10


def append_heads() -> Checkpoint | None:
    """Give a leaf to every head that has moved, and sign a checkpoint. Several at once do no harm.

    Returns:
        The newest checkpoint; None if there is nothing to sign.

    Raises:
        NoSigningKey: nothing can be signed; then nothing is appended either.
    """
    keyring.signer()
    state = LogState.objects.filter(id=1).first() or LogState(id=1)
    now = clock.database_now()
    last = Event.objects.aggregate(last=Max("id"))["last"] or 0
    for start in range(state.settled, last, WINDOW):
        for heads in _moved(start, min(start + WINDOW, last)):
            add(heads)
    add([(tenant, Told("", tenant, head.seq, head.hash)) for tenant, head in access.heads() if head.seq])
    _settle(last, now)
    return checkpoint()


def _moved(after: int, until: int) -> Iterator[list[Head]]:
    """The heads of jobs with an event among these ids, a batch at a time."""
    rows = Event.objects.filter(id__gt=after, id__lte=until).order_by("job_id")
    jobs = list(rows.values_list("job_id", flat=True).distinct())
    for start in range(0, len(jobs), BATCH):
        yield heads_of(jobs[start : start + BATCH])


def heads_of(jobs: Sequence[UUID]) -> list[Head]:
    """Where jobs end now; nothing of those that are gone."""
    found = (
        Job.objects.filter(id__in=jobs).order_by("id").values_list("tenant", "id", "head_seq", "head_hash")
    )
    return [(tenant, Told(str(job), "", seq, hash)) for tenant, job, seq, hash in found if seq]


def _settle(last: int, now: datetime) -> None:
    """Note that everything up to `last` has been looked at, once that is old enough to be certain."""
    with turn(), transaction.atomic():
        state = locked()
        marks = [*json.loads(state.marks), [last, text(now)]]
        old = [id for id, at in marks if now - parse(at) > PATIENCE]
        settled = max([state.settled, *old])
        young = [[id, at] for id, at in marks if id > settled or now - parse(at) <= PATIENCE]
        thinned = young if len(young) <= MOST_MARKS else [*young[: MOST_MARKS - 1], young[-1]]
        LogState.objects.filter(id=1).update(settled=settled, marks=json.dumps(thinned))
