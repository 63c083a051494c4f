"""Rates of tools: one row per tenant and tool keeps the moment of the next free slot (GCRA).

A slot is reserved, not polled for: a step over the limit parks until its own slot comes, so a thousand of them
cost a thousand rows and no races. The algorithm is the generic cell rate algorithm (ITU-T I.371), with a burst of
as many calls as the rate grants per period.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import IntegrityError, transaction

from ledger import Tool

from . import clock
from .models import Rate
from .turns import turn


def wait_for(tenant: str, tool: Tool) -> datetime | None:
    """The moment reserved for a call of this tool; None if it may be made now, or has no rate."""
    if tool.rate is None:
        return None
    return reserve(tenant, tool.name, calls=tool.rate.calls, seconds=tool.rate.seconds)


def reserve(tenant: str, tool: str, *, calls: int, seconds: float) -> datetime | None:
    """Take the next slot of a tool's rate.

    Args:
        tenant: whose calls count together.
        tool: the tool's name.
        calls: how many a period grants, and how many may come at once.
        seconds: the length of a period.

    Returns:
        None if the call may be made now, else the moment reserved for it.
    """
    spacing = timedelta(seconds=seconds / calls)
    burst = spacing * (calls - 1)
    while True:
        now = clock.now()
        row = Rate.objects.filter(tenant=tenant, tool=tool).first()
        if row is None:
            if _begin(tenant, tool, now + spacing):
                return None
            continue
        start = max(row.next_at, now)
        with turn():
            moved = Rate.objects.filter(id=row.id, next_at=row.next_at).update(next_at=start + spacing)
        if moved:
            free = start - burst
            return free if free > now else None


def _begin(tenant: str, tool: str, next_at: datetime) -> bool:
    try:
        with turn(), transaction.atomic():
            Rate.objects.create(tenant=tenant, tool=tool, next_at=next_at)
    except IntegrityError:
        return False
    return True
