"""Agent instances as a whole: created, paused, resumed, deleted; and the turn of a message whose time has come."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction

from .. import clock, knocks
from ..core.chain import canonical
from ..models import AgentInstance, Delivery, Job
from ..turns import turn
from . import line
from .writing import Delivered


def add(id: UUID, *, tenant: str, by: str, state: dict[str, Any], **columns: Any) -> AgentInstance:
    """A new instance, idle.

    Raises:
        IntegrityError: another one has the name.
    """
    now, text = clock.now(), canonical(state)
    with turn(), transaction.atomic():
        return AgentInstance.objects.create(
            id=id,
            tenant=tenant,
            created_by=by,
            created_at=now,
            heard_at=now,
            initial=text,
            state=text,
            **columns,
        )


def pause(instance: UUID, by: str, *, delivery: str | None = None) -> None:
    """Give no turn until it is resumed; the job whose turn it is goes on."""

    def work(row: AgentInstance, now: datetime) -> bool:
        if row.paused_at is None:
            AgentInstance.objects.filter(id=row.id).update(paused_at=now, paused_by=by)
        return False

    _change(instance, work, delivery)


def resume(instance: UUID, *, delivery: str | None = None) -> None:
    """Give turns again, at once to the next in line."""

    def work(row: AgentInstance, now: datetime) -> bool:
        AgentInstance.objects.filter(id=row.id).update(paused_at=None, paused_by="")
        row.paused_at = None
        return line.call_up(row, now)

    _change(instance, work, delivery)


def delete(instance: UUID, by: str, *, delivery: str | None = None) -> None:
    """Take no message any more, and cancel those that wait; the job whose turn it is goes on."""

    def work(row: AgentInstance, now: datetime) -> bool:
        if row.deleted_at is not None:
            return False
        AgentInstance.objects.filter(id=row.id).update(deleted_at=now, deleted_by=by)
        waiting = Job.objects.filter(instance=row.id, line_at__isnull=False).values_list("id", flat=True)
        line.call_off(row, [str(job) for job in waiting if job != row.current], now)
        return True

    _change(instance, work, delivery)


def call_up(job: UUID, *, delivery: str | None = None) -> None:
    """A delayed message's time has come: it has its turn if it is the next one and nobody else has it."""
    instance = Job.objects.filter(id=job).values_list("instance", flat=True).first()
    if instance is not None:
        _change(instance, line.call_up, delivery)


def _change(instance: UUID, work: Callable[[AgentInstance, datetime], bool], delivery: str | None) -> None:
    with turn(), transaction.atomic(durable=True):
        due = work(line.locked(instance), clock.database_now())
        if delivery is not None and not Delivery.objects.filter(id=delivery).delete()[0]:
            raise Delivered(
                f"delivery {delivery} to agent instance {instance} has been carried out by another process"
            )
    if due:
        knocks.deliver()
