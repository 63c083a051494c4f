"""What an auditor asks about one job: is the record whole, and does the code still do what it records."""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID

from jobs.core.chain import digest_of
from jobs.core.state import PLAN_STEP, JobState, Node
from jobs.models import Job

from .. import books, record
from ..proof import Break, Row, against_head, walk
from ..rerun import rerun


def verify_job(job_id: UUID | str) -> dict[str, Any]:
    """Check a job's chain, and every derived row against it. Repairs nothing.

    Returns:
        `{ok, job, events, head: {seq, hash}, problem: {kind, seq, message} | None}`.

    Raises:
        Job.DoesNotExist: there is no such job.
    """
    with record.snapshot():
        job = Job.objects.get(id=job_id)
        rows = record.rows_of(job.id)
        head, broken = walk(str(job.id), rows)
        broken = broken or against_head(head, job.head_seq, job.head_hash) or _derived(job, rows)
    return {
        "ok": broken is None,
        "job": str(job.id),
        "events": head.seq,
        "head": {"seq": head.seq, "hash": head.hash},
        "problem": broken.to_json() if broken else None,
    }


def _derived(job: Job, rows: list[Row]) -> Break | None:
    try:
        tenant = json.loads(rows[0].body or "{}").get("tenant", job.tenant)
        broken = record.broken_part(rows, tenant)
        if broken is not None:
            return broken
        facts = record.facts_of(rows, tenant)
        return books.compare(job, record.state_of(job.id, facts), facts)
    except record.Unreadable as error:
        return Break("unreadable", error.seq, str(error))
    except record.UNREADABLE as error:
        message = f"the events, whole as their chain is, lead to no state: {type(error).__name__}: {error}"
        return Break("unreadable", job.head_seq, message)


def replay_job(job_id: UUID | str) -> dict[str, Any]:
    """Run the job's planner and workflows against its record: no tool call, no model call, no write.

    Returns:
        `{ok, job, steps, calls, digest, output, code, problem}`; `problem` is None or `{kind, node, path, recorded,
        asked, message}`, the first difference. `digest` is of plan, results and output: two replays of one record
        give the same.

    Raises:
        Job.DoesNotExist: there is no such job.
        Unreadable: the record cannot be read; `verify_job` says where.
    """
    with record.snapshot():
        job = Job.objects.get(id=job_id)
        facts = record.facts_of(record.rows_of(job.id), job.tenant)
    state = record.state_of(job.id, facts)
    steps, calls, problem = 0, 0, None
    for name in _bodies(state):
        steps += 1
        answered, problem = rerun(state, state.nodes[name], facts)
        calls += answered
        if problem is not None:
            break
    seen = {
        "plan": state.plan_hash,
        "results": {name: _end(node) for name, node in sorted(state.nodes.items())},
        "output": state.output,
        "status": state.status,
    }
    return {
        "ok": problem is None, "job": str(job.id), "steps": steps, "calls": calls, "digest": digest_of(seen),
        "output": state.output, "code": f"{state.agent}@{state.version}",
        "problem": problem.to_json() if problem else None,
    }  # fmt: skip


def _bodies(state: JobState) -> list[str]:
    """Steps whose body is a function, in the order of the plan; only those that have begun."""
    workflows = [
        name for name in (state.plan.nodes if state.plan else ()) if state.nodes[name].kind == "workflow"
    ]
    return [name for name in (PLAN_STEP, *workflows) if state.nodes[name].fence]


def _end(node: Node) -> dict[str, Any]:
    return {"status": node.status, "result": node.result, "error": dict(node.error) if node.error else None}
