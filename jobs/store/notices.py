"""Notices: what people outside are to be told, written with the events that give occasion to it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction

from ..core.events import Fact
from ..core.moments import parse
from ..core.occasions import REMINDER, Occasion, ends_reminders, occasions_of
from ..core.state import JobState
from ..models import Notice
from ..notifying import AGENT, notice_id, notifying
from ..turns import turn
from .deliveries import SLACK

FACTS = ("approval_requested", "approval_decided")
LONGEST_WAIT = 300.0


def write(state: JobState, facts: Sequence[Fact]) -> bool:
    """Write what the facts give occasion to tell, where people are notified at all; tells whether any is due now."""
    about = [fact for fact in facts if fact.type in FACTS]
    told = notifying() if about and state.agent != AGENT else None
    if told is None:
        return False
    rows = [_row(state, each) for fact in about for each in occasions_of(state, fact, told.remind)]
    Notice.objects.bulk_create(rows)
    over = [fact.body["approval"] for fact in about if ends_reminders(fact)]
    if over:
        Notice.objects.filter(approval__in=over, occasion=REMINDER).delete()
    return any(row.occasion != REMINDER for row in rows)


def _row(state: JobState, each: Occasion) -> Notice:
    return Notice(
        id=UUID(notice_id(each.approval, each.name, each.seq, each.detail)),
        tenant=state.tenant, job_id=UUID(state.job), approval=UUID(each.approval), seq=each.seq, occasion=each.name,
        detail=each.detail, due_at=parse(each.at),
    )  # fmt: skip


def due(at: datetime, limit: int) -> list[Notice]:
    """The notices whose time has come, the longest due first."""
    return list(Notice.objects.filter(due_at__lte=at + SLACK).order_by("due_at", "id")[:limit])


def drop(row: Notice) -> None:
    """Its jobs exist, or there is nothing to tell."""
    with turn(), transaction.atomic():
        Notice.objects.filter(id=row.id).delete()


def put_off(row: Notice, why: str, at: datetime) -> None:
    """Try it again later, with growing pauses."""
    attempts = row.attempts + 1
    wait = timedelta(seconds=min(LONGEST_WAIT, 0.5 * 2 ** min(attempts, 12)))
    with turn(), transaction.atomic():
        Notice.objects.filter(id=row.id).update(attempts=attempts, error=why[:500], due_at=at + wait)
