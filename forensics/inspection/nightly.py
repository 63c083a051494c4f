"""The verification that nobody asks for: everything of every tenant, at an hour of the day or every so often."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime

from jobs import clock
from jobs.conf import conf
from jobs.core.names import seconds
from jobs.models import Job

from ..models import AccessHead, Verification
from .runs import Asker, ask
from .scope import Scope

HOUR = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])")
SYSTEM = Asker("nightly", "system", "system")


def due() -> int:
    """Ask for what is due: one verification of each tenant and period, however many ask.

    Returns:
        How many were asked for.
    """
    period = period_of(conf().VERIFY_EVERY, clock.database_now())
    if period is None:
        return 0
    key, asked = f"nightly {period}", 0
    for tenant in tenants():
        if not Verification.objects.filter(tenant=tenant, idempotency_key=key).exists():
            ask(tenant, Scope(), SYSTEM, key)
            asked += 1
    return asked


def period_of(every: str, now: datetime) -> str | None:
    """The name of the period that has begun: the same for everybody who asks within it.

    Args:
        every: an hour of the day in UTC, `02:30`; a duration, `12h`; or empty for never.
        now: the time.

    Returns:
        None before that hour of the day, and for never.
    """
    if not every:
        return None
    hour = HOUR.fullmatch(every)
    if hour is not None:
        at = now.astimezone(UTC)
        return at.date().isoformat() if (at.hour, at.minute) >= (int(hour[1]), int(hour[2])) else None
    span = seconds(every)
    return f"{every} {int(now.timestamp() // span)}"


def tenants() -> Iterator[str]:
    """Every tenant that has a job or an access log, and the default one; each found by one look into the index.

    One whose jobs are all gone has its access log still.
    """
    seen, last = conf().DEFAULT_TENANT, ""
    yield seen
    while (following := _after(last)) is not None:
        last = following
        if following != seen:
            yield following


def _after(tenant: str) -> str | None:
    next_ones = (
        model._default_manager.filter(tenant__gt=tenant)
        .order_by("tenant")
        .values_list("tenant", flat=True)
        .first()
        for model in (Job, AccessHead)
    )
    return min((each for each in next_ones if each is not None), default=None)
