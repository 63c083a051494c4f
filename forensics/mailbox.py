"""A message to an agent instance, held against the instance's row and against the job before it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from jobs.core.chain import canonical
from jobs.core.events import Fact
from jobs.core.mailbox import begun_with
from jobs.core.state import PLAN_STEP, JobState
from jobs.models import AgentInstance, Delivery, Job

from . import record
from .proof import Break


def compare(state: JobState, facts: Sequence[Fact]) -> Break | None:
    """Where the instance of a job, or the job before it, says otherwise than the events.

    Args:
        state: what the job's events fold to.
        facts: the events themselves.
    """
    if state.message is None:
        return None
    row = AgentInstance.objects.filter(id=state.message.instance, tenant=state.tenant).first()
    if row is None:
        return Break("derived_row", 1, f"agent instance {state.message.instance} of this job is missing")
    return _handed_on(row, state, facts) or _row(row, state)


def _row(row: AgentInstance, state: JobState) -> Break | None:
    """The columns that follow from the jobs of the instance; its state, where this job left it."""
    turns = Job.objects.filter(instance=row.id, turn__isnull=False).order_by("-turn")
    last = turns.filter(finished_at__isnull=False).first()
    at_work = turns.filter(finished_at__isnull=True).first()
    called = Delivery.objects.filter(command="turn", job_id=row.current).exists() if row.current else False
    kept = turns.filter(status="completed").first()
    given = max((job.turn or 0 for job in (last, at_work) if job is not None), default=0)
    newest = Job.objects.filter(instance=row.id).order_by("-created_at").values_list("created_at", flat=True)
    told: dict[str, Any] = {
        "agent": state.agent, "version": row.version and state.version, "turn": given + int(called and at_work is None),
        "last_job": last.id if last else None, "kept": kept.id if kept else None, "heard_at": newest.first(),
    }  # fmt: skip
    if at_work is not None or not called:
        told["current"] = at_work.id if at_work else None
    if kept is None:
        told["state"] = row.initial
    elif str(kept.id) == state.job:
        told["state"] = canonical(dict(state.data.items()))
    for name, value in told.items():
        if getattr(row, name) != value:
            return _differs(row, state.seq, name, getattr(row, name), value)
    return None


def _differs(row: AgentInstance, seq: int, name: str, stored: Any, told: Any) -> Break:
    message = f"agent instance {row.id}: {name} is {str(stored)[:80]!r}, the events say {str(told)[:80]!r}"
    return Break("derived_row", seq, message)


def _handed_on(row: AgentInstance, state: JobState, facts: Sequence[Fact]) -> Break | None:
    """What the job began with is what the last one that completed before it had left."""
    given = next((fact for fact in facts if "turn" in _turn(fact)), None)
    if given is None:
        return None
    told = _turn(given)
    earlier = (
        Job.objects.filter(instance=row.id, status="completed", turn__lt=told["turn"])
        .order_by("-turn")
        .first()
    )
    if told["after"] != (str(earlier.id) if earlier else None):
        before = earlier.id if earlier else "none"
        return Break(
            "derived_row", given.seq, f"it goes on from job {told['after']}; the one before it is {before}"
        )
    try:
        left = canonical(_left_by(earlier.id, state.tenant)) if earlier else row.initial
    except record.UNREADABLE as error:
        message = f"the job that it goes on from, {told['after']}, cannot be read: {error}"
        return Break("unreadable", given.seq, message)
    if canonical(dict(begun_with([given]))) != left:
        message = (
            f"it begins with another state than {f'job {earlier.id}' if earlier else 'the instance'} left"
        )
        return Break("derived_row", given.seq, message)
    return None


def _turn(fact: Fact) -> dict[str, Any]:
    """What the giving of a turn says, at birth or later; nothing for any other event."""
    if fact.type == "job_created":
        return dict(fact.body.get("instance") or {})
    if fact.type == "wait_completed" and fact.node == PLAN_STEP and fact.body["kind"] == "agent":
        return dict(fact.body["value"])
    return {}


def _left_by(job: UUID, tenant: str) -> dict[str, Any]:
    facts = record.facts_of(record.rows_of(job), tenant)
    return dict(record.state_of(job, facts).data.items())
