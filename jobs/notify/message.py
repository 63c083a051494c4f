"""What a mail about an approval says: text and HTML from templates, with a link and a deadline in the reader's zone."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import import_module
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django.conf import settings
from django.template.loader import render_to_string
from django.urls import NoReverseMatch, reverse

from ..core.occasions import ASKED, DECIDED, DELEGATED, ESCALATED, EXPIRED, REMINDER, WAITING, WITHDRAWN
from ..models import Approval
from ..notifying import Notifying

_PAGES = ("aetheris_console:approval", "admin:aetheris_jobs_approval_change")
_ZONE_ATTRIBUTES = ("timezone", "time_zone", "tz")
SUBJECT_LENGTH = 150
QUESTION_LENGTH = 2000


@dataclass(frozen=True)
class Message:
    """One mail, ready to be sent."""

    subject: str
    text: str
    html: str


def message(approval: Approval, occasion: str, detail: str, user: Any, told: Notifying) -> Message:
    """The mail that tells one person of one occasion."""
    zone = zone_of(user, told)
    question = approval.question[:QUESTION_LENGTH]
    context = {
        "heading": _heading(approval, occasion, detail),
        "question": question,
        "asks": occasion in WAITING,
        "deadline": shown(approval.deadline, zone) if approval.deadline and occasion in WAITING else "",
        "on_timeout": approval.on_timeout,
        "comment": _last(approval).get("comment", "") if occasion in (DECIDED, DELEGATED) else "",
        "digest": approval.digest,
        "quorum": approval.quorum,
        "job": str(approval.job_id),
        "link": link(approval, told),
        "name": user.get_username(),
    }
    line = " ".join(f"{context['heading']}: {question}".split())
    subject = line if len(line) <= SUBJECT_LENGTH else line[: SUBJECT_LENGTH - 1] + "…"
    text = render_to_string("aetheris/notify/mail.txt", context)
    return Message(subject, text, render_to_string("aetheris/notify/mail.html", context))


def _last(approval: Approval) -> dict[str, Any]:
    votes = json.loads(approval.votes)
    return votes[-1] if votes else {}


def _heading(approval: Approval, occasion: str, detail: str) -> str:
    by = (_last(approval).get("actor") or {}).get("name", "somebody")
    return {
        ASKED: "Your decision is needed",
        DELEGATED: f"{by} has handed you their vote",
        ESCALATED: "A question has been escalated to you",
        REMINDER: f"Reminder, {detail} before the deadline",
        DECIDED: f"{approval.state.capitalize()} by {by}",
        EXPIRED: f"The deadline has passed, {approval.state}",
        WITHDRAWN: "No decision is needed any more",
    }[occasion]


def link(approval: Approval, told: Notifying) -> str:
    """The page on which the approval is decided; the installation itself where no such page is served."""
    for page in _PAGES:
        try:
            return told.url + reverse(page, args=(approval.id,))
        except NoReverseMatch:
            continue
    return told.url


def zone_of(user: Any, told: Notifying) -> ZoneInfo:
    """The reader's time zone: as the setting finds it, else an attribute of the user, else Django's."""
    name: Any = None
    if told.zone:
        module, _, function = told.zone.partition(":")
        name = getattr(import_module(module), function)(user)
    else:
        name = next((found for each in _ZONE_ATTRIBUTES if (found := getattr(user, each, None))), None)
    try:
        return ZoneInfo(str(name or settings.TIME_ZONE))
    except (ZoneInfoNotFoundError, ValueError):
        return ZoneInfo("UTC")


def shown(moment: datetime, zone: ZoneInfo) -> str:
    """A moment in a zone; in UTC beside it where that is another."""
    here = moment.astimezone(zone)
    utc = f"{moment.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
    if zone.key == "UTC":
        return utc
    return f"{here:%Y-%m-%d %H:%M} {here.tzname()} ({zone.key}), {utc}"
