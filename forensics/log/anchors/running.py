"""Handing checkpoints on: each target gets the newest one; what fails is tried again, and never holds up the log.

A checkpoint stands for all before it, so a target that was away gets only the newest one when it is back.
"""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import Any

from django.db.models import F, Q

from jobs import clock
from jobs.conf import conf
from jobs.core.moments import text
from jobs.queries.stuck import SOURCES
from jobs.turns import turn

from ...models import Anchor, Checkpoint
from ..reading import latest
from .targets import LONGEST, shown, target_of

log = logging.getLogger("aetheris.log")

UNDER_WAY = timedelta(minutes=2)  # far above the time that a target may take
LONGEST_WAIT = timedelta(hours=1)
TRIES_UNTIL_STUCK = 3


def anchor_all() -> int:
    """Hand the newest checkpoint to every target that has not got it, unless it is to be left alone for a while.

    Returns:
        How many targets took it.
    """
    head = latest()
    return 0 if head is None else sum(_anchor(setting, head) for setting in conf().ANCHORS)


def _anchor(setting: str, head: Checkpoint) -> bool:
    target, now = shown(setting), clock.database_now()
    rows = Anchor.objects.filter(target=target)
    if rows.filter(state="failed", next_at__gt=now).exists():
        return False
    with turn():
        Anchor.objects.bulk_create(
            [
                Anchor(
                    target=target,
                    size=head.size,
                    state="failed",
                    at=now,
                    error="under way, or its worker has died",
                )
            ],
            ignore_conflicts=True,
        )
        mine = rows.filter(
            Q(next_at__isnull=True) | Q(next_at__lte=now), size=head.size, state="failed"
        ).update(attempts=F("attempts") + 1, next_at=now + UNDER_WAY, at=now)
    if not mine:
        return False  # it has it, or another process is at it
    try:
        receipt = target_of(setting)(head.text)
    except Exception as error:  # code of a site's own, and the network: nothing of it may stop the log
        _failed(target, head.size, error)
        return False
    _done(target, head.size, str(receipt))
    return True


def _done(target: str, size: int, receipt: str) -> None:
    rows = Anchor.objects.filter(target=target)
    with turn():
        rows.filter(size=size).update(
            state="done", error="", receipt=receipt, next_at=None, at=clock.database_now()
        )
        rows.filter(size__lt=size, state="failed").update(state="superseded", next_at=None)


def _failed(target: str, size: int, error: Exception) -> None:
    now = clock.database_now()
    tries = _tries(target)
    wait = min(timedelta(minutes=1) * 2 ** min(tries - 1, 10), LONGEST_WAIT)
    why = f"{type(error).__name__}: {error}".replace("\x00", "?")[:LONGEST]
    with turn():
        Anchor.objects.filter(target=target, size=size).update(error=why, next_at=now + wait)
    log.warning(
        "the checkpoint of %d leaves was not anchored at %s: %s; try %d, the next one in %s",
        size,
        target,
        why,
        tries,
        wait,
    )


def _tries(target: str) -> int:
    """How often a target has failed since it last took one."""
    last = (
        Anchor.objects.filter(target=target, state="done")
        .order_by("-size")
        .values_list("size", flat=True)
        .first()
        or 0
    )
    return sum(
        Anchor.objects.filter(target=target, state="failed", size__gt=last).values_list("attempts", flat=True)
    )


def stuck_anchors(tenant: str) -> list[dict[str, Any]]:
    """Targets that take nothing, as `/api/system/stuck` tells them; the log is one, and told of with the default tenant."""
    if tenant != conf().DEFAULT_TENANT:
        return []
    found = []
    for setting in conf().ANCHORS:
        target = shown(setting)
        row = Anchor.objects.filter(target=target, state="failed").order_by("size").first()
        if row is None or _tries(target) < TRIES_UNTIL_STUCK:
            continue
        found.append({
            "cause": "anchor_failed", "job": None, "node": "", "since": text(row.at),
            "why": f"{target} takes no checkpoint: {row.error}", "advice": "`aetheris log anchors --state failed`",
        })  # fmt: skip
    return found


def connect() -> None:
    """Tell of targets that take nothing where people look."""
    if stuck_anchors not in SOURCES:
        SOURCES.append(stuck_anchors)
