"""Delivery rows outside an append: sent by a host's own transaction, put off, or dropped (Law L7)."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from ..core.chain import canonical
from ..models import AgentInstance, Delivery, Job
from ..turns import turn

LONGEST_WAIT = 60.0
SLACK = timedelta(
    milliseconds=100
)  # a sender's corrected clock may be ahead of the database's by a round trip
PATIENCE = 10  # refusals of a command whose receiver does not exist yet


def send(job: UUID, command: str, body: dict[str, Any], *, tenant: str, at: datetime) -> None:
    """Owe a job a command; it is there if the transaction around it commits."""
    Delivery.objects.create(
        id=uuid4(),
        tenant=tenant,
        job_id=job,
        command=command,
        body=canonical(body),
        created_at=at,
        wake_at=at,
    )


def due(at: datetime, limit: int) -> list[Delivery]:
    """The deliveries whose time has come, the longest due first."""
    return list(Delivery.objects.filter(wake_at__lte=at + SLACK).order_by("wake_at", "id")[:limit])


def drop(row: Delivery) -> None:
    """It is carried out, or never can be."""
    with turn():
        Delivery.objects.filter(id=row.id).delete()


def put_off(row: Delivery, why: str, at: datetime) -> bool:
    """Try it again later, with growing pauses; whether there is any hope that its receiver comes to exist."""
    attempts = row.attempts + 1
    if attempts > PATIENCE and not _has_a_receiver(row):
        drop(row)
        return False
    wait = timedelta(seconds=min(LONGEST_WAIT, 0.2 * 2 ** min(attempts, 10)))
    with turn():
        Delivery.objects.filter(id=row.id).update(attempts=attempts, error=why[:500], wake_at=at + wait)
    return True


def _has_a_receiver(row: Delivery) -> bool:
    """Whether the job or agent instance exists, or a delivery is under way that creates the job."""
    if Job.objects.filter(id=row.job_id).exists() or AgentInstance.objects.filter(id=row.job_id).exists():
        return True
    return Delivery.objects.filter(job_id=row.job_id, command__in=("create", "message_instance")).exists()
