"""Time travel: what a job was at any of its events, and what changed between two of them."""

from __future__ import annotations

from typing import Any

from jobs.core.errors import Invalid
from jobs.core.state import JobState
from jobs.models import Job

from . import record
from .picture import differences, picture

_PLACE = frozenset({"job", "seq", "at", "digest", "head"})


def state_at(job: Job, at: int | None = None) -> dict[str, Any]:
    """What the events of a job up to one of them lead to. They are read a few at a time, and nothing is written.

    Args:
        job: whose events.
        at: number of the last event that counts; None for all.

    Returns:
        The document of `picture`, with `head`, the number of the job's last event.

    Raises:
        Invalid: the job has no such event.
        Unreadable: an event cannot be read, or cannot follow the ones before it.
    """
    with record.snapshot():
        return _at(job, at)


def change_between(job: Job, since: int, at: int | None = None) -> dict[str, Any]:
    """What changed from one event of a job to a later one.

    Args:
        job: whose events.
        since: number of the earlier event.
        at: number of the later one; None for the last.

    Returns:
        The document of the later one, with `from`, `{seq, at, digest}` of the earlier, and `changes` and `more`, see
        `picture.differences`.

    Raises:
        Invalid: the job has no such events, or the later one comes first.
        Unreadable: an event cannot be read, or cannot follow the ones before it.
    """
    with record.snapshot():
        early = _at(job, since)
        late = _at(job, at)
    if late["seq"] < since:
        raise _refused("from", f"event {since} comes after event {late['seq']}; name the earlier one as from")
    inside = [{key: value for key, value in each.items() if key not in _PLACE} for each in (early, late)]
    changes, more = differences(inside[0], inside[1])
    start = {name: early[name] for name in ("seq", "at", "digest")}
    return {**late, "from": start, "changes": changes, "more": more}


def _at(job: Job, at: int | None) -> dict[str, Any]:
    head = Job.objects.filter(id=job.id).values_list("head_seq", flat=True).first() or job.head_seq
    if at is not None and not 1 <= at <= head:
        raise _refused("at", f"job {job.id} has events 1 to {head}, and none with the number {at}")
    state = JobState(job=str(job.id))
    for some in record.in_batches(record.stream_of(job.id, until=at or head)):
        for fact in record.facts_of(some, job.tenant):
            state = record.following(state, fact)
    return {**picture(state), "head": head}


def _refused(name: str, message: str) -> Invalid:
    return Invalid(f"{name}: {message}", code="no_such_event", errors=[{"loc": [name], "msg": message}])
