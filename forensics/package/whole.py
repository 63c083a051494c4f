"""Rows that no file of a package shows (job row, agenda), held against the events before a package is given out."""

from __future__ import annotations

import json

from jobs.models import Job

from .. import books, record
from ..proof import Break

# Above, only what the package shows is compared: the fold of the events holds every result in memory.
WHOLE = 20_000


def derived_break(job: Job) -> Break | None:
    """The first derived row that does not say what the events say; None too for a job of more than `WHOLE` events."""
    if job.head_seq > WHOLE:
        return None
    try:
        rows = record.rows_of(job.id)
        tenant = json.loads(rows[0].body or "{}").get("tenant", job.tenant)
        broken = record.broken_part(rows, tenant)
        if broken is not None:
            return broken
        facts = record.facts_of(rows, tenant)
        return books.compare(job, record.state_of(job.id, facts), facts)
    except record.Unreadable as error:
        return Break("unreadable", error.seq, str(error))
    except record.UNREADABLE as error:
        return Break(
            "unreadable", job.head_seq, f"the events lead to no state: {type(error).__name__}: {error}"
        )
