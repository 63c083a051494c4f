"""Notices become jobs: one for each recipient and occasion, so that each is an effect of its own in the ledger."""

from __future__ import annotations

import json
import logging
from datetime import timedelta
from typing import Any

from django.db import IntegrityError
from django.db.models import QuerySet

from .. import clock, store
from ..actors import system
from ..core.commands import CreateJob
from ..core.errors import Busy, Gone
from ..core.occasions import DECIDED, DELEGATED, EXPIRED, REMINDER, WAITING
from ..models import Approval, Event, Notice, Webhook
from ..notifying import AGENT, Notifying, notification_id, notifying
from ..offered import chosen_definition
from ..outage import AWAY, in_a_line
from ..queries import recipients
from ..queries.events import wire
from ..store import notices

log = logging.getLogger("aetheris.notify")
BATCH = 100
OLD = timedelta(days=2)  # after so long without a worker nobody wants to hear of it any more
PRIORITY = -10  # after the jobs that people wait for


def notify_due(limit: int = BATCH) -> int:
    """Make the jobs of the notices that are due.

    Returns:
        How many were looked at; `limit` means there may be more.
    """
    told = notifying()
    if told is None:
        return 0
    rows = notices.due(clock.database_now(), limit)
    for row in rows:
        try:
            _carry_out(row, told)
        except (*AWAY, Busy) as outage:
            log.warning("%s: %s", row, in_a_line(outage))
            notices.put_off(row, in_a_line(outage), clock.now())
        except Exception:
            log.exception("%s could not be told; it is tried again", row)
            notices.put_off(row, "it raised; see the log", clock.now())
    return len(rows)


def _carry_out(row: Notice, told: Notifying) -> None:
    approval = Approval.objects.filter(id=row.approval, tenant=row.tenant).first()
    if approval is not None and not _is_over(row, approval):
        for name, who in _to(row, approval, told):
            _ask(row, approval, name, who)
    notices.drop(row)


def _is_over(row: Notice, approval: Approval) -> bool:
    """Whether there is nothing to tell any more: it was decided meanwhile, or nobody came by for days."""
    if clock.now() - row.due_at > OLD:
        log.warning("%s is not told any more: it was due at %s", row, row.due_at)
        return True
    if row.occasion in WAITING and approval.state != "open":
        return True
    return row.occasion == REMINDER and (approval.deadline is None or approval.deadline <= clock.now())


def _to(row: Notice, approval: Approval, told: Notifying) -> list[tuple[str, str]]:
    people = [("mail", str(user.pk)) for user in _people(row, approval)] if told.mail else []
    hooks = Webhook.objects.filter(tenant=row.tenant, enabled=True).order_by("created_at", "id")
    return people + [("webhook", str(hook.id)) for hook in hooks if _wants(hook, row.occasion)]


def _wants(hook: Webhook, occasion: str) -> bool:
    events = json.loads(hook.events)
    return not events or f"approval.{occasion}" in events


def _people(row: Notice, approval: Approval) -> list[Any]:
    """Those who may decide; of what has been decided, who asked for the job."""
    if row.occasion == DECIDED:
        return recipients.requester(approval)
    if row.occasion == EXPIRED:
        found = {user.pk: user for user in recipients.requester(approval) + recipients.deciders(approval)}
        return [found[key] for key in sorted(found)]
    if row.occasion == DELEGATED:
        to = (_body(row).get("to") or {}).get("id", "")
        return recipients.named(approval, [to], [])
    return recipients.deciders(approval)


def _body(row: Notice) -> dict[str, Any]:
    events: QuerySet[Event] = Event.objects.filter(job_id=row.job_id, seq=row.seq)
    found = wire(list(events), row.tenant)
    return (found[0]["body"] or {}) if found else {}


def _ask(row: Notice, approval: Approval, by: str, to: str) -> None:
    """One job, whose id says which recipient and occasion it is for: nobody can make a second one."""
    goal = {
        "by": by, "to": to, "approval": str(row.approval), "job": str(row.job_id), "occasion": row.occasion,
        "seq": row.seq, "detail": row.detail,
    }  # fmt: skip
    submitted(notification_id(str(row.id), by, to), goal, row.tenant, row.occasion)


def submitted(job: str, goal: dict[str, Any], tenant: str, occasion: str) -> None:
    """Create a notification's job; one that exists is left as it is."""
    wish = CreateJob(
        job=job, agent=AGENT, version=chosen_definition(AGENT, None).version, goal=goal, actor=system(tenant),
        tags=("notification", occasion, goal["by"]), priority=PRIORITY,
    )  # fmt: skip
    try:
        store.create(wish)
    except IntegrityError:
        log.debug("notification %s exists already", job)
    except Gone:
        log.debug("notification %s was pruned already", job)
