"""Results that are gone although their effect has landed: their record was erased, or their job was pruned."""

from __future__ import annotations

import json

from ledger.verdict import Entry

from ..models import Event, Tombstone

ERASED, PRUNED = "result_erased", "result_pruned"
TOLD = ("tool_invocation_finished", "outcome_resolved")


def gone(entry: Entry) -> str | None:
    """Why the result of a landed call cannot be given: `result_erased` or `result_pruned`; None if it can."""
    if entry.result is None:
        return PRUNED if Tombstone.objects.filter(job_id=entry.job).exists() else None
    if json.loads(entry.result) != {"erased": True}:
        return None
    ends = Event.objects.filter(job_id=entry.job, node=entry.node, type__in=TOLD, body__isnull=True)
    return ERASED if ends.exists() else None
