"""Derived rows and ledger lines, held against the fold of the events."""

from __future__ import annotations

import json
from typing import Any

from jobs.core.chain import canonical
from jobs.core.state import Asked, JobState
from jobs.models import Approval, Job, Step
from jobs.rows import agenda_of, approval_row, job_row
from ledger.models import Invocation

from .proof import Break


def compare(job: Job, state: JobState) -> Break | None:
    """The first row that does not say what the events say."""
    return _job(job, state) or _agenda(job, state) or _approvals(job, state) or _ledger(job, state)


def _differs(kind: str, state: JobState, what: str, field: str, stored: Any, told: Any) -> Break:
    return Break(kind, state.seq, f"{what}: {field} is {str(stored)[:80]!r}, the events say {str(told)[:80]!r}")


def _job(job: Job, state: JobState) -> Break | None:
    expected = {**job_row(state), "goal": canonical(state.goal), "agent": state.agent, "version": state.version,
                "requester": state.requester["id"]}  # fmt: skip
    for name, told in expected.items():
        if getattr(job, name) != told:
            return _differs("derived_row", state, "the job row", name, getattr(job, name), told)
    return None


def _agenda(job: Job, state: JobState) -> Break | None:
    stored = {row.node: row for row in Step.objects.filter(job_id=job.id)}
    expected = agenda_of(state)
    if set(stored) != set(expected):
        return _differs("derived_row", state, "the agenda", "its steps", sorted(stored), sorted(expected))
    for node, row in expected.items():
        for name, told in row.items():
            if getattr(stored[node], name) != told:
                return _differs("derived_row", state, f"step {node}", name, getattr(stored[node], name), told)
    return None


def _approvals(job: Job, state: JobState) -> Break | None:
    asked = {each.info["approval"]: each for each in state.calls.values() if each.kind == "approval"}
    stored = {str(row.id): row for row in Approval.objects.filter(job_id=job.id)}
    if set(stored) != set(asked):
        return _differs("derived_row", state, "the approvals", "their ids", sorted(stored), sorted(asked))
    for key, each in asked.items():
        for name, told in approval_row(state, each.path).items():
            found = getattr(stored[key], name)
            if (str(found) if name == "job_id" else found) != told:
                return _differs("derived_row", state, f"approval {key}", name, found, told)
    return None


OPEN = {"open": "open", "lost": "open", "unknown": "unknown"}


def _ledger(job: Job, state: JobState) -> Break | None:
    calls = {each.path: each for each in state.calls.values() if each.kind in ("tool", "llm")}
    for line in Invocation.objects.filter(job_id=job.id):
        asked = calls.get(line.node)
        if asked is None:
            return _differs("ledger_line", state, f"ledger line {line.id}", "node", line.node, "no such call")
        broken = _line(state, line, asked)
        if broken is not None:
            return broken
    return None


def _line(state: JobState, line: Invocation, asked: Asked) -> Break | None:
    what = f"ledger line {line.id}"
    if line.args != canonical(asked.args):
        return _differs("ledger_line", state, what, "args", line.args, canonical(asked.args))
    settled = asked.status == "done"
    if settled and line.result is not None and json.loads(line.result) != asked.value:
        return _differs("ledger_line", state, what, "result", line.result, canonical(asked.value))
    if settled != (line.state in ("landed", "recalled")) and not (asked.status == "failed" and line.state == "landed"):
        return _differs("ledger_line", state, what, "state", line.state, asked.status)
    if asked.status in OPEN and line.state != OPEN[asked.status] and not state.ended:
        return _differs("ledger_line", state, what, "state", line.state, OPEN[asked.status])
    return None
