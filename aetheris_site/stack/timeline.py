"""The history of a job as lines to read: when, what, where, and which worker did it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

Event = Mapping[str, Any]


def workers(events: Sequence[Event]) -> dict[int, str]:
    """Which worker each claim belongs to: by its fence, the number of the event that made it."""
    return {event["seq"]: event["body"]["worker"] for event in events if event["type"] == "node_started"}


def lines(events: Sequence[Event], names: Mapping[str, str]) -> Iterator[str]:
    """One line per event, below a heading.

    Args:
        events: as the API gives them.
        names: worker id -> what the reader calls it.
    """
    claims = workers(events)
    yield f"  {'seq':>3}  {'time (UTC)':<12}  {'event':<25}{'node':<9}{'worker':<10}what"
    for event in events:
        body = event["body"]
        worker = body.get("worker") or claims.get(body.get("fence", 0), "")
        who, at = names.get(worker, worker[:8]), event["at"][11:23]
        line = f"  {event['seq']:>3}  {at}  {event['type']:<25}{event['node']:<9}{who:<10}{_what(event)}"
        yield line.rstrip()


def _what(event: Event) -> str:
    """The one thing that a reader of the refund story wants to know of an event."""
    body = event["body"]
    match event["type"]:
        case "node_started":
            return f"attempt {body['attempt']} ({body['reason']})"
        case "command_emitted":
            return f"{body['command']} {body['name']}"
        case "tool_invocation_started":
            return f"promised: {body['tool']}"
        case "tool_invocation_finished" | "outcome_resolved":
            return str(body.get("status") or body.get("verdict") or "")
        case "lease_lost" | "outcome_unknown":
            return str(body.get("reason", ""))
        case "approval_decided":
            return f"{body.get('state') or body.get('decision')} by {body.get('actor', {}).get('name', '')}"
        case "job_created":
            return f"asked for by {body['actor']['name']}"
        case _:
            return ""
