"""Children of a retry: each takes up the work of the child before it, under the same keys (Law E9)."""

from __future__ import annotations

import json
from typing import Any

from .. import store
from ..core import past as record
from ..core.chain import canonical
from ..core.commands import Actor, At, EndChild, ForkJob
from ..core.decide import decide
from ..core.errors import Illegal
from ..core.state import JobState
from ..models import Event, Job
from ..queries.ancestry import newest_of, pruned_after
from ..tombstones import gone, refuse_gone


def before(child: str, tenant: str, agent: str, goal: Any) -> Job | None:
    """The latest job of the child's origin, if it was asked for the same.

    Args:
        child: the child that the retried parent had.
        tenant: whose.
        agent: the agent that is asked now, perhaps with its version.
        goal: what it is asked.

    Raises:
        Gone, Illegal: that child, or a later one, was pruned or erased: what it did nobody can tell any more.
    """
    row = Job.objects.filter(id=child, tenant=tenant).first()
    if row is None:
        refuse_gone(tenant, child)
    lost = pruned_after(tenant, row.origin, row.generation) if row is not None else None
    if lost is not None:
        raise gone(lost)
    if row is None or _other(row, agent, goal):
        return None
    newest = newest_of(tenant, row.origin)
    if Event.objects.filter(job_id__in=(row.id, newest.id), body__isnull=True).exists():
        raise Illegal(
            f"job {newest.id}, whose work this child would take up, was erased in part, so that nobody can tell what it did",
            code="payload_erased",
        )
    return newest


def _other(row: Job, agent: str, goal: Any) -> bool:
    """Whether the earlier child was asked for something else; of an erased one nobody can tell, so it counts as the same."""
    if agent not in (row.agent, f"{row.agent}@{row.version}"):
        return True
    erased = Event.objects.filter(job_id=row.id, seq=1, body__isnull=True).exists()
    return not erased and canonical(goal) != row.goal


def child(job: str, before: Job, parent: dict[str, str], actor: Actor) -> ForkJob | EndChild:
    """The wish for a child that goes on where one that has ended stopped.

    Returns:
        Its birth; or what its parent is told at once: the other's result, or why it cannot be tried again.
    """
    if before.status == "completed":
        output = json.loads(before.output) if before.output is not None else None
        return EndChild(path=parent["node"], job=job, status="completed", output=output)
    past = record.read(str(before.id), store.recorded(before.id), None)
    wish = ForkJob(job, past, "retry", actor, parent=parent)
    try:
        decide(JobState(), wish, At(now=past.now.at))
    except Illegal as refused:
        error = {"code": refused.code, "message": refused.message}
        return EndChild(path=parent["node"], job=job, status="failed", error=error)
    return wish
