"""Derived rows, held against the fold of the events: job, agenda, approvals, and the ledger's lines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from jobs.core.chain import canonical, digest_of
from jobs.core.events import Fact
from jobs.core.mailbox import request_digest
from jobs.core.moments import parse
from jobs.core.state import JobState
from jobs.models import Approval, Event, Job, Step
from jobs.rows import agenda_of, ancestry, approval_row, job_row
from ledger.models import Invocation

from . import mailbox
from .accounts import lines_of
from .proof import Break


def compare(job: Job, state: JobState, facts: Sequence[Fact]) -> Break | None:
    """The first row that does not say what the events say.

    Args:
        job: the stored row.
        state: what the events fold to.
        facts: the events themselves.
    """
    return (
        _job(job, state)
        or _tenants(state)
        or _agenda(state)
        or _approvals(state, facts)
        or _ledger(state, facts)
        or mailbox.compare(state, facts)
        or _source(state)
    )


def _differs(kind: str, seq: int, what: str, field: str, stored: Any, told: Any) -> Break:
    return Break(kind, seq, f"{what}: {field} is {str(stored)[:80]!r}, the events say {str(told)[:80]!r}")


def _row(kind: str, seq: int, what: str, row: object, told: Mapping[str, Any]) -> Break | None:
    for name, value in told.items():
        if getattr(row, name) != value:
            return _differs(kind, seq, what, name, getattr(row, name), value)
    return None


def _job(job: Job, state: JobState) -> Break | None:
    parent = state.parent
    told = {
        **job_row(state), **ancestry(state), "tenant": state.tenant, "agent": state.agent, "version": state.version,
        "goal": canonical(state.goal), "requester": state.requester["id"],
        "requester_name": state.requester["name"][:150], "origin": UUID(state.origin),
        "instance": UUID(state.message.instance) if state.message else None,
        "parent_job": UUID(parent["job"]) if parent else None, "parent_node": parent["node"] if parent else "",
        "priority": state.priority, "on_failure": state.on_failure, "tags": canonical(list(state.tags)),
        "created_at": parse(state.created_at),
    }  # fmt: skip
    return _row("derived_row", state.seq, "the job row", job, told) or _request(job, state)


def _request(job: Job, state: JobState) -> Break | None:
    """The digest of the request that an idempotency key or a message id stands for; the key itself is in no event."""
    told = [digest_of(each) for each in _requests(state)] if job.idempotency_key is not None else [""]
    if state.message is not None and state.message.id:
        told = [request_digest(state.goal, state.message.not_before)]
    if job.request_digest not in told:
        return _differs("derived_row", 1, "the job row", "request_digest", job.request_digest, told[0])
    return None


def _requests(state: JobState) -> list[dict[str, Any]]:
    """The requests that may have led to this job: pinned or not, with a goal of its own or not."""
    forked = state.forked
    if forked is None:
        request = {"goal": state.goal, "tags": list(state.tags), "priority": state.priority}
        if state.on_failure != "fail":
            request["on_failure"] = state.on_failure
        return [{**request, "agent": name} for name in (state.agent, f"{state.agent}@{state.version}")]
    if forked["how"] == "retry":
        return [{"retry": forked["job"]}]
    cut = {"fork": forked["job"], "at": forked["seq"]}
    return [cut, {**cut, "goal": state.goal}]


def _source(state: JobState) -> Break | None:
    """The event of another job that this one says it was born of; a pruned job has none any more."""
    forked = state.forked
    if forked is None:
        return None
    row = Event.objects.filter(job_id=forked["job"], seq=forked["seq"]).only("hash").first()
    if row is None or row.hash == forked["hash"]:
        return None
    return Break("provenance", 1, f"event 1 says that this job was born of event {forked['seq']} of job {forked['job']} "
                 f"with the hash {forked['hash'][:12]}…; that event has {row.hash[:12]}…")  # fmt: skip


def _tenants(state: JobState) -> Break | None:
    """The one column of an event that its hash does not bind."""
    row = Event.objects.filter(job_id=state.job).exclude(tenant=state.tenant).order_by("seq").first()
    if row is None:
        return None
    return _differs("derived_row", row.seq, f"event {row.seq}", "tenant", row.tenant, state.tenant)


def _agenda(state: JobState) -> Break | None:
    stored = {row.node: row for row in Step.objects.filter(job_id=state.job)}
    told = agenda_of(state)
    if set(stored) != set(told):
        return _differs("derived_row", state.seq, "the agenda", "its steps", sorted(stored), sorted(told))
    broken = (
        _row("derived_row", state.seq, f"step {node}", stored[node], row)
        for node, row in sorted(told.items())
    )
    return next((each for each in broken if each is not None), None)


def _approvals(state: JobState, facts: Sequence[Fact]) -> Break | None:
    told = {
        UUID(each.info["approval"]): each.path for each in state.calls.values() if each.kind == "approval"
    }
    stored = {row.id: row for row in Approval.objects.filter(job_id=state.job)}
    if set(stored) != set(told):
        return _differs("derived_row", state.seq, "the approvals", "their ids", sorted(stored), sorted(told))
    for key, path in sorted(told.items()):
        seqs = [
            fact
            for fact in facts
            if fact.node == path and fact.type in ("approval_requested", "approval_decided")
        ]
        row = approval_row(state, path)
        row |= {"job_id": UUID(row["job_id"]), "requested_at": parse(seqs[0].at),
                "decided_at": parse(seqs[-1].at) if row["state"] != "open" else None}  # fmt: skip
        broken = _row("derived_row", seqs[-1].seq, f"approval {key}", stored[key], row)
        if broken is not None:
            return broken
    return None


def _ledger(state: JobState, facts: Sequence[Fact]) -> Break | None:
    told = lines_of(state, facts)
    stored = {row.id: row for row in Invocation.objects.filter(job_id=state.job)}
    for key in sorted(set(stored) - set(told)):
        return Break(
            "ledger_line", state.seq, f"ledger line {key} of call {stored[key].node}: no event speaks of it"
        )
    for key, (seq, columns) in told.items():
        if key not in stored:
            return Break("ledger_line", seq, f"ledger line {key} of call {columns['node']} is missing")
        broken = _row("ledger_line", seq, f"ledger line {key}", stored[key], columns)
        if broken is not None:
            return broken
    return None
