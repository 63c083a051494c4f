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
from ..models import Job
from ..queries.ancestry import newest_of


def before(child: str, tenant: str, agent: str, goal: Any) -> Job | None:
    """The latest job of the child's origin, if it was asked for the same.

    Args:
        child: the child that the retried parent had.
        tenant: whose.
        agent: the agent that is asked now, perhaps with its version.
        goal: what it is asked.
    """
    row = Job.objects.filter(id=child, tenant=tenant).first()
    if row is None or canonical(goal) != row.goal or agent not in (row.agent, f"{row.agent}@{row.version}"):
        return None
    return newest_of(tenant, row.origin)


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
