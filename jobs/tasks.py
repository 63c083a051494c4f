"""The knocks: ids only, one call each. A lost, doubled or late one does no harm."""

from __future__ import annotations

from celery import shared_task

from . import runner, scheduler
from .services import deliver_due
from .services.delivering import BATCH


@shared_task(name="aetheris.step", ignore_result=True, acks_late=True, max_retries=0)
def step(job: str, node: str) -> None:
    """Look at this step."""
    runner.drive(job, node)


@shared_task(name="aetheris.deliver", ignore_result=True, acks_late=True, max_retries=0)
def deliver() -> None:
    """Look at the deliveries that are due."""
    while deliver_due() == BATCH:  # a full batch: there may be more
        continue


@shared_task(name="aetheris.tick", ignore_result=True, acks_late=True, max_retries=0)
def tick() -> None:
    """Look at the clock."""
    scheduler.tick()
