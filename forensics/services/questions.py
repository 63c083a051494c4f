"""What an auditor asks about one job: is the record whole, and does the code still do what it records."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db import transaction

from jobs.core.chain import digest_of
from jobs.core.errors import Illegal
from jobs.core.state import PLAN_STEP, JobState, Node
from jobs.models import Job
from jobs.turns import turn

from .. import inspection, record
from ..inspection import alarms
from ..log.proofs import witnessed
from ..rerun import rerun


def verify_job(job_id: UUID | str, after: int = 0, until: int | None = None) -> dict[str, Any]:
    """Check a job's chain, and every derived row against it. Repairs nothing.

    Args:
        job_id: the job.
        after: number of the event behind which to begin; of a part of the events only the chain is checked.
        until: number of the last event; None for all.

    Returns:
        `{ok, job, events, head: {seq, hash}, witnessed, not_yet_witnessed, pending, problem: {kind, seq, message, table,
        row, column} | None}`; `pending` are the calls of which the events tell no end yet, `witnessed` the last head that
        is under a checkpoint of the log, `not_yet_witnessed` the events behind it.

    Raises:
        Job.DoesNotExist: there is no such job.
        Invalid: it has no such events.
    """
    return _verified(_looked_at(job_id, after, until))


def verify_and_note(job_id: UUID | str, after: int = 0, until: int | None = None) -> dict[str, Any]:
    """The same, and an alarm is raised if the record is broken, or falls if it is whole."""
    found = _looked_at(job_id, after, until)
    with turn(), transaction.atomic():
        alarms.note(found.tenant, UUID(found.job), found.broken, whole=after == 0 and until is None)
    return _verified(found)


def _looked_at(job_id: UUID | str, after: int, until: int | None) -> inspection.Found:
    if after == 0 and until is None:
        return inspection.inspect(job_id)
    return inspection.inspect_range(job_id, after, until)


def _verified(found: inspection.Found) -> dict[str, Any]:
    return {
        "ok": found.ok,
        "job": found.job,
        "events": found.events,
        "head": {"seq": found.head.seq, "hash": found.head.hash},
        **witnessed(Job.objects.get(id=found.job)),
        "pending": [dict(each) for each in found.pending],
        "problem": found.broken.to_json() if found.broken else None,
    }


def replay_job(job_id: UUID | str) -> dict[str, Any]:
    """Run the job's planner and workflows against its record: no tool call, no model call, no write.

    Returns:
        `{ok, job, steps, calls, digest, output, code, problem}`; `problem` is None or `{kind, node, path, recorded,
        asked, message}`, the first difference. `digest` is of plan, results and output: two replays of one record
        give the same.

    Raises:
        Job.DoesNotExist: there is no such job.
        Unreadable: the record cannot be read; `verify_job` says where.
        Illegal: some of the record is erased, so nobody can tell.
    """
    with record.snapshot():
        job = Job.objects.get(id=job_id)
        facts = record.facts_of(record.rows_of(job.id), job.tenant)
    state = record.state_of(job.id, facts)
    _legible(state)
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


def _legible(state: JobState) -> None:
    if state.erased:
        raise Illegal(
            f"cannot tell: erased. Of job {state.job} the bodies of {len(state.erased)} events are gone, so its code "
            "cannot be held against them",
            code="payload_erased",
        )


def _bodies(state: JobState) -> list[str]:
    """Steps whose body is a function, in the order of the plan; only those that have begun."""
    workflows = [
        name for name in (state.plan.nodes if state.plan else ()) if state.nodes[name].kind == "workflow"
    ]
    return [name for name in (PLAN_STEP, *workflows) if state.nodes[name].fence]


def _end(node: Node) -> dict[str, Any]:
    return {"status": node.status, "result": node.result, "error": dict(node.error) if node.error else None}
