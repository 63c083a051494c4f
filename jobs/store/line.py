"""The line before an agent instance: whose turn it is, and who comes next. One job at a time.

The row of the instance is locked by whoever gives a turn, takes a message, or ends a job that is one; it is the last
lock that a commit takes. A turn is given by a delivery, which carries the state that the next job begins with.
"""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any
from uuid import UUID

from ..core.chain import canonical
from ..core.errors import NotFound
from ..core.ids import uuid_from
from ..core.mailbox import Message
from ..core.moments import parse
from ..core.state import JobState
from ..models import AgentInstance, Delivery, Job
from .deliveries import SLACK


def locked(instance: str | UUID) -> AgentInstance:
    """The row of an instance, held until the transaction ends.

    Raises:
        NotFound: there is none.
    """
    row = AgentInstance.objects.select_for_update().filter(id=instance).first()
    if row is None:
        raise NotFound(f"there is no agent instance {instance}")
    return row


def is_free(row: AgentInstance) -> bool:
    """Whether a turn may be given."""
    return row.current is None and row.paused_at is None and row.deleted_at is None


def waiting(row: AgentInstance, at: datetime) -> UUID | None:
    """The job that comes next: of those whose time has come the one that is due longest, then the one that came first."""
    due = Job.objects.filter(instance=row.id, line_at__lte=at).order_by("line_at", "created_at")
    return due.values_list("id", flat=True).first()


def next_turn(row: AgentInstance) -> dict[str, Any]:
    """What the job whose turn is next is told: its number, and the job whose end gave the state."""
    return {"turn": row.turn + 1, "after": str(row.kept) if row.kept else None}


def kept_state(row: AgentInstance) -> dict[str, Any]:
    """What the next job begins with."""
    state: dict[str, Any] = json.loads(row.state)
    return state


def call_up(row: AgentInstance, at: datetime) -> bool:
    """Give the next in line its turn, if one waits and the instance is free; tells whether a delivery is due."""
    at = max(at, row.heard_at)  # whose clock was ahead must not make others wait for ever
    following = waiting(row, at) if is_free(row) else None
    if following is None:
        return False
    body = {"instance": str(row.id), **next_turn(row), "state": kept_state(row)}
    Delivery.objects.create(
        id=uuid_from("aetheris.turn.v1", str(row.id), str(body["turn"]), str(following)), tenant=row.tenant, job_id=following,
        command="turn", body=canonical(body), created_at=at, wake_at=at,
    )  # fmt: skip
    _take(row, following)
    return True


def _take(row: AgentInstance, job: UUID | str) -> None:
    row.current, row.turn = UUID(str(job)), row.turn + 1
    AgentInstance.objects.filter(id=row.id).update(current=row.current, turn=row.turn)


def joined(row: AgentInstance, job: str, message: Message, at: datetime) -> bool:
    """A message has come: it has its turn, waits for it, or for its time; tells whether a delivery is due."""
    row.heard_at = at
    AgentInstance.objects.filter(id=row.id).update(heard_at=at)
    if message.turn is not None:
        _take(row, job)
        return False
    if row.deleted_at is not None:
        call_off(row, [job], at)
        return True
    due = parse(message.due)
    if due > at:
        _owe(
            row, job, "call_up", {}, at, wake_at=due + SLACK, salt="due"
        )  # not before the time has really come
        return False
    return call_up(row, at)


def ended(state: JobState, at: datetime) -> bool:
    """A job of an instance has ended: what it leaves is the instance's state, and the next in line has its turn.

    A job that failed or was cancelled leaves the state as it found it; one that ends while it waits leaves the line.

    Returns:
        Whether a delivery is due.
    """
    assert state.message is not None
    row = locked(state.message.instance)
    if row.current == UUID(state.job):
        changes = _left_by(state, row)
        AgentInstance.objects.filter(id=row.id).update(**changes)
        for name, value in changes.items():
            setattr(row, name, value)
    return call_up(row, at)


def _left_by(state: JobState, row: AgentInstance) -> dict[str, Any]:
    assert state.message is not None
    if state.message.turn is None:  # called up, and ended before it heard of it: the next one has its turn
        return {"current": None, "turn": row.turn - 1}
    changes: dict[str, Any] = {"current": None, "last_job": UUID(state.job)}
    if state.phase == "completed":
        changes |= {"kept": UUID(state.job), "state": canonical(dict(state.data.items()))}
    return changes


def call_off(row: AgentInstance, jobs: list[str], at: datetime) -> None:
    """Owe jobs that will not have their turn the word that they are cancelled."""
    for job in jobs:
        _owe(row, job, "cancel", {"reason": f"agent {row.name or row.id} was deleted"}, at, salt="deleted")


def _owe(
    row: AgentInstance, job: str, command: str, body: dict[str, Any], at: datetime, *, salt: str,
    wake_at: datetime | None = None,
) -> None:  # fmt: skip
    Delivery.objects.create(
        id=uuid_from("aetheris.delivery.v1", job, salt, command), tenant=row.tenant, job_id=job, command=command,
        body=canonical(body), created_at=at, wake_at=wake_at or at,
    )  # fmt: skip
