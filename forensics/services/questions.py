"""What an auditor asks about one job: is the record whole, and does the code still do what it records."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db import transaction

from jobs.core.errors import Illegal
from jobs.models import Job
from jobs.turns import turn

from .. import inspection, record
from ..gate import NotComparable, replayed
from ..inspection import alarms
from ..log.proofs import witnessed


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
        What `gate.replayed` gives: `{ok, job, steps, calls, digest, output, code, sources, problem}`.

    Raises:
        Job.DoesNotExist: there is no such job.
        Unreadable: the record cannot be read; `verify_job` says where.
        Illegal: some of the record is erased, so nobody can tell.
    """
    with record.snapshot():
        job = Job.objects.get(id=job_id)
        facts = record.facts_of(record.rows_of(job.id), job.tenant)
    try:
        return replayed(job.id, facts)
    except NotComparable as error:
        raise _refusal(error) from error


def _refusal(error: NotComparable) -> Exception:
    if isinstance(error.__cause__, record.Unreadable):
        return error.__cause__
    return Illegal(str(error), code=error.code)
