"""The host's own program: sells an order inside its transactions, and tells what it saw as JSON lines."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from typing import Any
from uuid import UUID

import django
from django.db import transaction

PATIENCE = 60.0


class GivenUp(Exception):
    """The host changes its mind in the middle of its transaction."""


def given_up(verb: Callable[[], object]) -> None:
    """Call a verb in a transaction that is rolled back."""
    try:
        with transaction.atomic():
            verb()
            raise GivenUp
    except GivenUp:
        return


def until(job: UUID, status: str) -> Any:
    """The job, once it has this status; as it is after a minute, else."""
    from jobs.models import Job

    give_up = time.monotonic() + PATIENCE
    while (found := Job.objects.get(id=job)).status != status and time.monotonic() < give_up:
        time.sleep(0.05)
    return found


def main() -> None:
    """Sell once in vain and once for good."""
    from jobs import signal, submit
    from jobs.models import Job

    given_up(lambda: submit("shipping", {"number": "A-0"}))
    with transaction.atomic():
        job = submit("shipping", {"number": "A-1"}, idempotency_key="ship-A-1")
    told = {"jobs": Job.objects.count(), "before": until(job, "parked").status}
    given_up(lambda: signal(job, "paid", {"id": "in vain"}))
    with transaction.atomic():
        signal(job, "paid", {"id": "for good"})
    over = until(job, "completed")
    json.dump({**told, "after": over.status, "output": over.output}, sys.stdout)


if __name__ == "__main__":
    django.setup()
    main()
