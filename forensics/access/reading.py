"""Reading the access log: searching it, and checking its chain."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any
from uuid import UUID

from django.db.models import Q, QuerySet

from jobs.core.chain import GENESIS

from ..models import Access, AccessHead
from ..proof import Head
from ..record import snapshot
from .chain import Entry, against_end, walk

CHUNK = 2000
AFTER_ALL = 2**62
FILTERS = ("who", "what", "job", "since", "until", "outcome")
OUTCOMES = ("granted", "refused", "failed")
_FIELDS = (
    "seq",
    "at",
    "body",
    "digest",
    "prev",
    "hash",
    "who",
    "user",
    "action",
    "question",
    "job_id",
    "outcome",
)


def accesses(tenant: str, asked: Mapping[str, Any]) -> QuerySet[Access]:
    """The entries that a search asks for, the newest first.

    Args:
        tenant: whose.
        asked: `who` (name or id of a user), `what` (an action), `job`, `since` and `until` (RFC 3339 text in UTC),
            `outcome`; each may be missing.
    """
    found = Access.objects.filter(tenant=tenant)
    if who := asked.get("who"):
        found = found.filter(Q(who=who) | Q(user=who))
    if what := asked.get("what"):
        found = found.filter(action=what)
    if job := asked.get("job"):
        found = found.filter(job_id=UUID(str(job)))
    if since := asked.get("since"):
        found = found.filter(seq__gte=_first_from(tenant, since))
    if until := asked.get("until"):
        found = found.filter(seq__lt=_first_from(tenant, until))
    if outcome := asked.get("outcome"):
        found = found.filter(outcome=outcome)
    return found.order_by("-seq")


def _first_from(tenant: str, at: str) -> int:
    """Number of the first entry at or after a moment; numbers and times of one log go the same way."""
    first = (
        Access.objects.filter(tenant=tenant, at__gte=at).order_by("at", "seq").values_list("seq", flat=True)
    )
    return first.first() or AFTER_ALL


def access_json(entry: Access) -> dict[str, Any]:
    """An entry as clients see it."""
    body = json.loads(entry.body)
    place = {"seq": entry.seq, "at": entry.at, "tenant": entry.tenant}
    return {**place, **body, "job": body["job"] or None, "hash": entry.hash}


def verify_accesses(tenant: str) -> dict[str, Any]:
    """Check a tenant's whole log. Repairs nothing; memory stays bounded however long it is.

    Returns:
        `{ok, tenant, entries, head: {seq, hash}, problem: {kind, seq, message} | None}`.
    """
    with snapshot():
        end = AccessHead.objects.filter(tenant=tenant).first()
        head, broken = walk(tenant, _entries(tenant))
        if broken is None:
            broken = against_end(head, end.seq if end else 0, end.hash if end else GENESIS)
    return {
        "ok": broken is None,
        "tenant": tenant,
        "entries": head.seq,
        "head": {"seq": head.seq, "hash": head.hash},
        "problem": broken.to_json() if broken else None,
    }


def heads() -> list[tuple[str, Head]]:
    """Where each tenant's log ends, to be witnessed by the transparency log."""
    return [(row.tenant, Head(row.seq, row.hash)) for row in AccessHead.objects.order_by("tenant")]


def _entries(tenant: str) -> Iterator[Entry]:
    rows = Access.objects.filter(tenant=tenant).order_by("seq").values_list(*_FIELDS)
    for seq, at, body, digest, prev, hash, who, user, action, question, job, outcome in rows.iterator(CHUNK):
        told = {"who": who, "user": user, "action": action, "question": question, "outcome": outcome}
        yield Entry(seq, at, body, digest, prev, hash, {**told, "job": str(job) if job else ""})
