"""Calls whose outcome nobody knows: the inbox that a person empties."""

from __future__ import annotations

import json
from typing import Any

from django.db.models import QuerySet

from ledger.models import Invocation

from ..core.moments import text
from .jobs import moment


def unresolved_of(tenant: str) -> QuerySet[Invocation]:
    """Unknown outcomes of a tenant."""
    return Invocation.objects.filter(tenant=tenant, state="unknown")


def unresolved_json(line: Invocation) -> dict[str, Any]:
    """One ledger line as clients see it."""
    return {
        "id": str(line.id),
        "job": str(line.job_id),
        "node": line.node,
        "tool": line.tool,
        "effect": line.effect,
        "idempotency_key": line.idempotency_key,
        "business_key": line.business_key,
        "args": json.loads(line.args),
        "attempt": line.attempt,
        "state": line.state,
        "probe": line.probe,
        "promised_at": text(line.promised_at),
        "deadline": moment(line.deadline),
        "compensates": str(line.compensates) if line.compensates else None,
        **_why(line.error),
    }


def _why(stored: str) -> dict[str, Any]:
    """The line keeps why it is unknown as JSON `{reason, evidence}`."""
    if not stored.startswith("{"):
        return {"reason": stored, "evidence": {}}
    found = json.loads(stored)
    return {"reason": found.get("reason", ""), "evidence": found.get("evidence", {})}
