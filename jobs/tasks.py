"""The knocks: ids only, one call each. A lost, doubled or late one does no harm."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from celery import shared_task
from django.db import connection
from kombu.exceptions import OperationalError

from . import runner, scheduler
from .celery_defaults import DEFAULT_QUEUE
from .core.errors import Busy
from .outage import AWAY, in_a_line
from .senders import senders
from .services import deliver_due, notify_due, retain
from .services.delivering import BATCH

log = logging.getLogger("aetheris.tasks")


@contextmanager
def _one_of_many(what: str) -> Iterator[None]:
    """While the database is away a knock comes to nothing, and says so in one line: the sweep knocks again."""
    try:
        yield
    except (*AWAY, Busy) as outage:
        log.warning("%s came to nothing: %s", what, in_a_line(outage))
        connection.close()


@shared_task(name="aetheris.step", ignore_result=True, acks_late=True, max_retries=0)
def step(job: str, node: str, hops: str = "0") -> None:
    """Look at this step; the knock has been handed on so often."""
    with _one_of_many(f"a knock for job {job}, step {node}"):
        runner.drive(job, node, hops=int(hops))


@shared_task(name="aetheris.deliver", ignore_result=True, acks_late=True, max_retries=0)
def deliver() -> None:
    """Look at the deliveries that are due."""
    with _one_of_many("a knock for deliveries"):
        while deliver_due() == BATCH:  # a full batch: there may be more
            continue
        notify_due()


@shared_task(name="aetheris.tick", ignore_result=True, acks_late=True, max_retries=0)
def tick() -> None:
    """Look at the clock."""
    with _one_of_many("a tick"):
        scheduler.tick()


@shared_task(name="aetheris.retention", ignore_result=True, acks_late=True, max_retries=0)
def retention(after: str = "") -> None:
    """Take away jobs whose time is over, for a while; another task goes on behind them."""
    with _one_of_many("a look at retention"):
        report = retain(after=after)
        if report.more:
            _on(report.next)


def _on(after: str) -> None:
    try:
        senders.hand_over(lambda: retention.apply_async((after,), queue=DEFAULT_QUEUE, retry=False))
    except (OperationalError, OSError) as outage:
        log.warning("nobody was told to go on with retention (%s); beat does it", outage)
