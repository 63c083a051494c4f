"""What a run amounted to, counted from the database after it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from tests.fatal.audit_books import Books, Event

GROUPS = {
    "kills": ("kill_worker", "kill_api", "kill_beat"),
    "stops": ("stop_worker", "stop_api", "stop_beat"),
    "drains": ("drain_worker", "drain_api", "drain_beat"),
    "outages": ("kill_database", "restart_database", "cut_connections", "lock_database"),
    "broker": ("empty_broker", "double_broker", "kill_broker", "restart_broker", "remove_broker"),
}


def of_books(books: Books, counts: Mapping[str, int]) -> dict[str, Any]:
    """Jobs by agent and end, effects, unknown outcomes and who knew, take-overs."""
    ends: dict[str, Counter[str]] = {}
    for row in books.jobs.values():
        ends.setdefault(row["agent"], Counter())[row["status"]] += 1
    lines = [line for found in books.lines.values() for line in found if line["effect"] != "pure"]
    events = [event for found in books.events.values() for event in found]
    kinds = Counter(event.kind for event in events)
    return {
        "jobs": {"all": len(books.jobs), "children": sum(row["parent_job"] is not None for row in books.jobs.values())},
        "ends": {agent: dict(sorted(count.items())) for agent, count in sorted(ends.items())},
        "events": len(events),
        "effects": {
            "promised": len(lines), "happened": sum(counts.values()),
            "twice": sum(count > 1 for count in counts.values()),
            "recalled": sum(line["state"] == "recalled" for line in lines),
        },
        "unknown": {
            "all": kinds["outcome_resolved"],
            **Counter(_who(event) for event in events if event.kind == "outcome_resolved"),
        },
        "late_outcomes": kinds["late_outcome"],
        "takeovers": sum(event.kind == "node_started" and event.body["reason"] == "takeover" for event in events),
        "leases_lost": kinds["lease_lost"],
        "incarnations": len(books.workers),
    }  # fmt: skip


def of_faults(done: Mapping[str, int]) -> dict[str, int]:
    """Faults by what they are."""
    return {group: sum(done.get(kind, 0) for kind in kinds) for group, kinds in GROUPS.items()}


def _who(event: Event) -> str:
    by = event.body["by"]
    if str(by["id"]).startswith("claim:"):
        return "late outcome"
    return "probe" if by["kind"] == "worker" else "person"
