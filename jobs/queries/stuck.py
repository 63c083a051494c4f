"""What does not go on by itself, why, and what would help."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Exists, OuterRef, QuerySet

from .. import clock
from ..core.moments import text
from ..core.state import TOOL
from ..models import Approval, Delivery, Job, Step
from .effects import unresolved_of
from .workers import workers_of

PATIENCE = timedelta(seconds=30)
EACH = 100  # of each cause at most: a page for people, not an export


# What apps above this one know of that needs somebody, in the same form; they add themselves.
SOURCES: list[Callable[[str], list[dict[str, Any]]]] = []


def stuck(tenant: str) -> list[dict[str, Any]]:
    """Everything of a tenant that needs somebody.

    Returns:
        `{cause, job, node, since, why, advice}` each, at most 100 of one cause.
    """
    now = clock.now()
    causes = (_unknown(tenant), _unconfirmed(tenant), _held(tenant), _untaken(tenant, now), _overdue(tenant, now),
              _orphaned(tenant), _late_approvals(tenant, now), _undelivered(tenant))  # fmt: skip
    above = [found for source in SOURCES for found in source(tenant)]
    return [*above, *(found for cause in causes for found in cause)]


def _found(cause: str, row: Any, since: datetime | None, why: str, advice: str) -> dict[str, Any]:
    return {
        "cause": cause,
        "job": str(row.job_id),
        "node": getattr(row, "node", ""),
        "since": text(since) if since else None,
        "why": why,
        "advice": advice,
    }


def _unknown(tenant: str) -> Iterator[dict[str, Any]]:
    for line in unresolved_of(tenant).order_by("promised_at")[:EACH]:
        why = f"nobody knows whether {line.tool} happened"
        advice = f"look, then `aetheris resolve {line.id} landed|absent|fail`"
        yield _found("unknown_outcome", line, line.promised_at, why, advice)


def _unconfirmed(tenant: str) -> Iterator[dict[str, Any]]:
    """Steps that nobody looks at again: the world does not show an effect, or nobody could tell to the last."""
    steps = Step.objects.filter(tenant=tenant, state="parked", hold="world", wake_at__isnull=True)
    for step in steps.order_by("id")[:EACH]:
        advice = f"look, then `aetheris confirm {step.job_id}`, or the same with --accept"
        yield _found("world_diverged", step, None, "the world does not confirm what has landed", advice)


def _held(tenant: str) -> Iterator[dict[str, Any]]:
    steps = Step.objects.filter(tenant=tenant, state="parked", hold__in=("version", "capability"))
    for step in steps.order_by("id")[:EACH]:
        missing = _missing(step)
        yield _found(
            "nobody_offers", step, None, f"no living worker offers {missing}", "start a worker that does"
        )


def _missing(step: Step) -> str:
    if step.hold == "version":
        return step.needs
    tool = f"the tool {step.needs.removeprefix(TOOL)}"
    return f"{tool} together with the capability {step.requires}" if step.requires else tool


def _untaken(tenant: str, now: datetime) -> Iterator[dict[str, Any]]:
    quiet = Job.objects.filter(id=OuterRef("job_id"), updated_at__lt=now - PATIENCE)
    steps = Step.objects.filter(Exists(quiet), tenant=tenant, state="ready").order_by("id")[:EACH]
    advice = "see `aetheris workers`: there may be none, or all their slots are taken"
    for step in steps:
        yield _found("untaken", step, None, "it is ready, and nobody takes it", advice)


def _overdue(tenant: str, now: datetime) -> Iterator[dict[str, Any]]:
    steps: QuerySet[Step] = Step.objects.filter(
        tenant=tenant, state__in=("backoff", "parked"), wake_at__lt=now - PATIENCE
    )
    for step in steps.order_by("wake_at")[:EACH]:
        yield _found(
            "overdue",
            step,
            step.wake_at,
            "its time has passed",
            "see /readyz: the tick may be standing still",
        )


def _orphaned(tenant: str) -> Iterator[dict[str, Any]]:
    living = workers_of(alive=True).values("id")
    held = Step.objects.filter(worker__isnull=False)  # by the index of those that somebody holds
    steps = held.filter(tenant=tenant, state="running").exclude(worker__in=living).order_by("worker")[:EACH]
    for step in steps:
        why = f"its worker {step.worker} is dead"
        yield _found(
            "dead_worker", step, None, why, "the next tick takes it over; see /readyz if it does not"
        )


def _late_approvals(tenant: str, now: datetime) -> Iterator[dict[str, Any]]:
    rows = Approval.objects.filter(tenant=tenant, state="open", deadline__lt=now - PATIENCE)
    for row in rows.order_by("deadline")[:EACH]:
        why = "its deadline has passed and was not acted on"
        yield _found("late_approval", row, row.deadline, why, "see /readyz: the tick may be standing still")


def _undelivered(tenant: str) -> Iterator[dict[str, Any]]:
    for row in Delivery.objects.filter(tenant=tenant).exclude(error="").order_by("created_at")[:EACH]:
        why = f"{row.command} was not accepted after {row.attempts} attempts: {row.error[:500]}"
        yield _found(
            "undelivered", row, row.created_at, why, "it is tried again; the message says what is wrong"
        )
