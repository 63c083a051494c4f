"""The whole record at rest, rows that no file of a package shows included, before a package is given out."""

from __future__ import annotations

from jobs.models import Job

from .. import inspection
from ..proof import Break

# Above, only what the package shows is compared: the fold of the events holds every result in memory.
WHOLE = 20_000


def derived_break(job: Job) -> Break | None:
    """The first break of a job, whatever its kind; None too for a job of more than `WHOLE` events."""
    return inspection.derived_break(job) if job.head_seq <= WHOLE else None
