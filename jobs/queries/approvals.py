"""Approvals, and whether somebody may decide them."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any
from uuid import UUID

from django.db.models import QuerySet

from .. import clock
from ..attachments import attachments_json
from ..core.commands import Actor
from ..core.errors import NotFound
from ..core.moments import text
from ..models import Approval, Event
from .jobs import moment

STATES = ("open", "approved", "rejected", "withdrawn")


def approvals_of(tenant: str) -> QuerySet[Approval]:
    """Every approval of a tenant."""
    return Approval.objects.filter(tenant=tenant)


def approval_for(tenant: str, approval: str | UUID) -> Approval:
    """One approval.

    Raises:
        NotFound: there is none, or another tenant's.
    """
    found = approvals_of(tenant).filter(id=approval).first()
    if found is None:
        raise NotFound(f"there is no approval {approval}")
    return found


def approvals_json(approvals: Sequence[Approval], actor: Actor) -> list[dict[str, Any]]:
    """Approvals as one person sees them: with whether they may decide, and why not."""
    times = _voted_at(approvals)
    return [_json(each, actor, times) for each in approvals]


def approval_json(approval: Approval, actor: Actor) -> dict[str, Any]:
    """One approval as one person sees it."""
    return {**approvals_json([approval], actor)[0], "attachments": attachments_json(approval, looked_at=True)}


def _json(approval: Approval, actor: Actor, times: dict[tuple[UUID, str], list[str]]) -> dict[str, Any]:
    reason = why_not(approval, actor)
    form = json.loads(approval.form)
    at = times.get((approval.job_id, approval.node), [])
    votes = json.loads(approval.votes)
    return {
        "id": str(approval.id),
        "job": str(approval.job_id),
        "node": approval.node,
        "state": approval.state,
        "question": approval.question,
        "shown": json.loads(approval.shown),
        "attachments": attachments_json(approval, looked_at=False),
        "releases": json.loads(approval.releases),
        "digest": approval.digest,
        "groups": json.loads(approval.groups),
        "users": json.loads(approval.users),
        "delegates": json.loads(approval.delegates),
        "quorum": approval.quorum,
        "four_eyes": approval.four_eyes,
        "requester": approval.requester,
        "deadline": moment(approval.deadline),
        "on_timeout": approval.on_timeout,
        "form": form,
        "votes": [_vote(vote, at[index] if index < len(at) else None) for index, vote in enumerate(votes)],
        "requested_at": text(approval.requested_at),
        "decided_at": moment(approval.decided_at),
        "can_decide": reason is None,
        "why_not": reason,
    }


def _vote(vote: dict[str, Any], at: str | None) -> dict[str, Any]:
    return {**{name: vote.get(name) for name in ("decision", "actor", "comment", "effect", "to")}, "at": at}


def _voted_at(approvals: Iterable[Approval]) -> dict[tuple[UUID, str], list[str]]:
    """When each vote was cast, in order; the row holds the votes, their events hold the time."""
    asked = [(each.job_id, each.node) for each in approvals if each.votes != "[]"]
    found: dict[tuple[UUID, str], list[str]] = defaultdict(list)
    if asked:
        rows = Event.objects.filter(
            job_id__in={job for job, _ in asked},
            node__in={node for _, node in asked},
        )
        # Asked for its kind, the database would gather every decision of all jobs.
        for job, node, at, kind in rows.order_by("job_id", "seq").values_list("job_id", "node", "at", "type"):
            if kind == "approval_decided":
                found[job, node].append(at)
    return found


def why_not(approval: Approval, actor: Actor) -> str | None:
    """Why this person may not decide this approval now, as a sentence; None if they may.

    A face asks it in order not to offer what would be refused; the refusal itself is the core's.
    """
    if approval.state != "open":
        return f"it is {approval.state}"
    if approval.deadline is not None and approval.deadline <= clock.now():
        return "its deadline has passed"
    if approval.four_eyes and actor.id == approval.requester:
        return "you asked for the job, and four eyes are required"
    groups, users = json.loads(approval.groups), json.loads(approval.users) + json.loads(approval.delegates)
    if not {actor.id, actor.name} & set(users) and not set(actor.groups) & set(groups):
        asked = [f"group {name}" for name in groups] + [f"user {name}" for name in users]
        return f"it asks {', '.join(asked)}" if asked else "it asks nobody"
    if actor.id in json.loads(approval.voters):
        return "you have voted already"
    return None
