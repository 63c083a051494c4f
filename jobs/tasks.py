"""The knocks: ids only, one call each. A lost, doubled or late one does no harm."""

from __future__ import annotations

from celery import shared_task

from . import runner, scheduler
from .services import deliver_due

OPTIONS = {"ignore_result": True, "acks_late": True, "max_retries": 0}


@shared_task(name="aetheris.step", **OPTIONS)
def step(job: str, node: str) -> None:
    """Look at this step."""
    runner.drive(job, node)


@shared_task(name="aetheris.deliver", **OPTIONS)
def deliver() -> None:
    """Look at the deliveries that are due."""
    deliver_due()


@shared_task(name="aetheris.tick", **OPTIONS)
def tick() -> None:
    """Look at the clock."""
    scheduler.tick()
