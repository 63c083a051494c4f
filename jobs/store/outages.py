"""When the database's answer is lost: what can be known of a commit, and how (Law L3)."""

from __future__ import annotations

import logging
import time

from ..models import Event
from ..outage import in_a_line
from .writing import Sealed

log = logging.getLogger("aetheris.store")
ROLLED_BACK = frozenset({"40001", "40P01", "55P03"})  # serialization failure, deadlock, lock timeout


class Unsure(Exception):
    """The database went away at a commit: it is neither written nor not written until the head is read."""

    def __init__(self, sealed: Sealed | None) -> None:
        super().__init__("the answer of a commit was lost")
        self.sealed = sealed


def undone(cause: BaseException) -> bool:
    """Whether the database itself says that it rolled back: a deadlock, a lock that did not come."""
    return getattr(cause.__cause__, "sqlstate", None) in ROLLED_BACK


def written(sealed: Sealed) -> bool:
    """Whether a commit whose answer was lost was written: the event at our number has our hash."""
    first = sealed.events[0]
    return Event.objects.filter(job_id=first.job_id, seq=first.seq, hash=first.hash).exists()


def rest(job: str, cause: BaseException, attempt: int) -> None:
    """Wait before the next try, the longer the more there have been."""
    pause = min(2.0, 0.05 * 2 ** min(attempt, 10))
    log.warning(
        "job %s: the database does not answer (%s); trying again in %.2f s", job, in_a_line(cause), pause
    )
    time.sleep(pause)
