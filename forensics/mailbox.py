"""A message to an agent instance, held against the instance's row and against the job before it."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db.models import Max

from jobs.core.chain import canonical
from jobs.core.events import Fact
from jobs.core.mailbox import begun_with
from jobs.core.state import JobState
from jobs.models import AgentInstance, Delivery, Job, Tombstone

from . import record
from .accounts import turn_of
from .proof import Break, event_break

INSTANCES = AgentInstance._meta.db_table


def compare(state: JobState, turn: Fact | None) -> Break | None:
    """Where the instance of a job, or the job before it, says otherwise than the events.

    Args:
        state: what the job's events fold to.
        turn: the event that gave it its turn, if it has had one.
    """
    if state.message is None:
        return None
    row = AgentInstance.objects.filter(id=state.message.instance, tenant=state.tenant).first()
    if row is None:
        missing = state.message.instance
        message = f"agent instance {missing} of this job is missing"
        return Break("derived_row", 1, message, INSTANCES, missing)
    return _handed_on(row, state, turn) or _row(row, state)


def _row(row: AgentInstance, state: JobState) -> Break | None:
    """The columns that follow from the jobs of the instance; its state, where this job left it."""
    turns = Job.objects.filter(instance=row.id, turn__isnull=False).order_by("-turn")
    gone = Tombstone.objects.filter(instance=row.id, turn__isnull=False).order_by("-turn")
    last = _later(turns.filter(finished_at__isnull=False).first(), gone.first())
    at_work = turns.filter(finished_at__isnull=True).first()
    called = Delivery.objects.filter(command="turn", job_id=row.current).exists() if row.current else False
    kept = _later(turns.filter(status="completed").first(), gone.filter(status="completed").first())
    given = max((job.turn or 0 for job in (last, at_work) if job is not None), default=0)
    heard = [
        model.objects.filter(instance=row.id).aggregate(at=Max("created_at"))["at"]
        for model in (Job, Tombstone)
    ]
    told: dict[str, Any] = {
        "agent": state.agent, "version": row.version and state.version, "turn": given + int(called and at_work is None),
        "last_job": _id(last), "kept": _id(kept), "heard_at": max((at for at in heard if at), default=None),
    }  # fmt: skip
    if at_work is not None or not called:
        told["current"] = at_work.id if at_work else None
    if kept is None:
        told["state"] = row.initial
    elif str(_id(kept)) == state.job:
        told["state"] = canonical(dict(state.data.items()))
    for name, value in told.items():
        if getattr(row, name) != value:
            return _differs(row, state.seq, name, getattr(row, name), value)
    return None


def _later(job: Job | None, gone: Tombstone | None) -> Job | Tombstone | None:
    """Whichever had its turn later; a pruned job has a tombstone."""
    found = [each for each in (job, gone) if each is not None]
    return max(found, key=lambda each: each.turn or 0, default=None)


def _id(job: Job | Tombstone | None) -> UUID | None:
    return None if job is None else job.job_id if isinstance(job, Tombstone) else job.id


def _differs(row: AgentInstance, seq: int, name: str, stored: Any, told: Any) -> Break:
    message = f"agent instance {row.id}: {name} is {str(stored)[:80]!r}, the events say {str(told)[:80]!r}"
    return Break("derived_row", seq, message, INSTANCES, str(row.id), name)


def _handed_on(row: AgentInstance, state: JobState, given: Fact | None) -> Break | None:
    """What the job began with is what the last one that completed before it had left."""
    if given is None:
        return None
    told = turn_of(given)
    before = {"instance": row.id, "status": "completed", "turn__lt": told["turn"]}
    earlier = _later(
        Job.objects.filter(**before).order_by("-turn").first(),
        Tombstone.objects.filter(**before).order_by("-turn").first(),
    )
    if told["after"] != (str(_id(earlier)) if earlier else None):
        message = f"it goes on from job {told['after']}; the one before it is {_id(earlier) or 'none'}"
        return event_break("derived_row", given.seq, message, "body")
    if isinstance(earlier, Tombstone) or given.body.get("erased"):
        return None  # there is nothing to hold it against any more
    try:
        left = row.initial if earlier is None else _left_by(earlier.id, state.tenant)
    except record.UNREADABLE as error:
        message = f"the job that it goes on from, {told['after']}, cannot be read: {error}"
        return event_break("unreadable", given.seq, message)
    if left is not None and canonical(dict(begun_with([given]))) != left:
        message = (
            f"it begins with another state than {f'job {earlier.id}' if earlier else 'the instance'} left"
        )
        return event_break("derived_row", given.seq, message, "body")
    return None


def _left_by(job: UUID, tenant: str) -> str | None:
    """What a job left to the next one; None if some of its record is erased."""
    state = record.folded(job, tenant)
    return None if state.erased else canonical(dict(state.data.items()))
