"""The whole record at rest, rows that no file of a package shows included, before a package is given out."""

from __future__ import annotations

from jobs.models import Job

from .. import inspection
from ..proof import Break

# Bytes of events and parts above which only what the package shows is compared: the fold holds every result in memory.
WHOLE = 32 << 20


def derived_break(job: Job, size: int) -> Break | None:
    """The first break of a job, whatever its kind; None too for a job whose events and parts are larger than `WHOLE`.

    Args:
        job: the row.
        size: bytes of its events and parts.
    """
    return inspection.derived_break(job) if size <= WHOLE else None
