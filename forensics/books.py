"""Derived rows, held against the fold of the events: job, agenda, approvals, and the ledger's lines."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from jobs.core.chain import canonical, digest_of
from jobs.core.ids import key_digest
from jobs.core.mailbox import request_digest
from jobs.core.moments import parse
from jobs.core.state import JobState
from jobs.models import Approval, Event, Job, Step
from jobs.rows import agenda_of, ancestry, approval_row, job_row
from ledger.models import Invocation

from . import mailbox, record
from .accounts import Account
from .proof import JOBS, Break, event_break

LINES = 500  # of the ledger that are held at once
STEPS, APPROVALS, LEDGER = (model._meta.db_table for model in (Step, Approval, Invocation))


@dataclass(frozen=True)
class Shelf:
    """Stored rows of several jobs, fetched in one go; what is compared with the events of one of them lies under its id."""

    steps: Mapping[UUID, Sequence[Step]]
    approvals: Mapping[UUID, Sequence[Approval]]
    lines: Mapping[UUID, Sequence[Invocation]]


def shelf_of(jobs: Sequence[UUID]) -> Shelf:
    """The rows of these jobs: three queries, however many jobs."""
    found: list[dict[UUID, list[Any]]] = []
    for model, order in ((Step, "id"), (Approval, "id"), (Invocation, "id")):
        rows: dict[UUID, list[Any]] = {job: [] for job in jobs}
        for row in model._default_manager.filter(job_id__in=jobs).order_by(order):
            rows[row.job_id].append(row)
        found.append(rows)
    return Shelf(*found)


def compare(job: Job, state: JobState, account: Account, shelf: Shelf | None = None) -> Break | None:
    """The first row that does not say what the events say.

    Args:
        job: the stored row.
        state: what the events fold to.
        account: what they say beside it.
        shelf: the job's rows, where they have been fetched together with others'.
    """
    return (
        _job(job, state)
        or _tenants(state, account)
        or _agenda(state, shelf)
        or _approvals(state, account, shelf)
        or _ledger(state, account, shelf)
        or mailbox.compare(state, account.turn)
        or _source(state)
        or _kin(account)
    )


def _differs(kind: str, seq: int, what: str, row: Any, column: str, stored: Any, told: Any) -> Break:
    message = f"{what}: {column} is {str(stored)[:80]!r}, the events say {str(told)[:80]!r}"
    key = row.node if isinstance(row, Step) else row.pk
    return Break(kind, seq, message, row._meta.db_table, str(key), column)


def _row(kind: str, seq: int, what: str, row: Any, told: Mapping[str, Any]) -> Break | None:
    for name, value in told.items():
        if getattr(row, name) != value:
            return _differs(kind, seq, what, row, name, getattr(row, name), value)
    return None


def _set(seq: int, table: str, what: str, stored: set[Any], told: set[Any]) -> Break | None:
    """The first row that is there without an event that speaks of it, or the other way round."""
    for key in sorted(stored ^ told, key=str):
        words = "no event speaks of it" if key in stored else "it is missing"
        return Break("derived_row", seq, f"{what} {key}: {words}", table, str(key))
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
    """The idempotency key, of which the first event has the digest, and the digest of the request that it stands for."""
    told = [digest_of(each) for each in _requests(state)] if job.idempotency_key is not None else [""]
    if state.message is not None and state.message.id:
        told = [request_digest(state.goal, state.message.not_before)]
    if 1 in state.erased:
        return _erased_request(job, state)
    if state.request_key is not None and key_digest(job.idempotency_key) != state.request_key:
        stored = key_digest(job.idempotency_key)
        return _differs("derived_row", 1, "the job row", job, "idempotency_key", stored, state.request_key)
    if job.request_digest not in told:
        return _differs("derived_row", 1, "the job row", job, "request_digest", job.request_digest, told[0])
    return None


def _erased_request(job: Job, state: JobState) -> Break | None:
    """Of a request whose goal is erased the digest of its key is left, and its own digest, which nothing else tells."""
    key = job.idempotency_key
    told = f"sha256:{state.request_key}" if state.request_key else None
    if state.request_key is not None and key != told:
        return _differs("derived_row", 1, "the job row", job, "idempotency_key", key, told)
    if (key is not None) != bool(job.request_digest) and state.message is None:
        return _differs("derived_row", 1, "the job row", job, "request_digest", job.request_digest, "")
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
    message = (
        f"event 1 says that this job was born of event {forked['seq']} of job {forked['job']} with the hash "
        f"{forked['hash'][:12]}…; that event has {row.hash[:12]}…"
    )
    return event_break("provenance", 1, message)


def _kin(account: Account) -> Break | None:
    """The first job that must have been there, and of which there is neither a row nor a tombstone."""
    names = {UUID(job): seq for job, seq in account.kin.items()}
    there = set(Job.objects.filter(id__in=names).values_list("id", flat=True)) if names else set()
    gone = [(seq, job) for job, seq in names.items() if job not in there and not record.pruned(job)]
    if not gone:
        return None
    seq, job = min(gone)
    message = f"event {seq} speaks of job {job}, which does not exist, and no tombstone says why"
    return Break("provenance", seq, message, JOBS, str(job))


def _tenants(state: JobState, account: Account) -> Break | None:
    """The one column of an event that its hash does not bind."""
    others = [(seq, tenant) for tenant, seq in account.tenants.items() if tenant != state.tenant]
    if not others:
        return None
    seq, tenant = min(others)
    message = f"event {seq}: tenant is {tenant!r}, the events say {state.tenant!r}"
    return event_break("derived_row", seq, message, "tenant")


def _agenda(state: JobState, shelf: Shelf | None) -> Break | None:
    rows = shelf.steps[UUID(state.job)] if shelf else Step.objects.filter(job_id=state.job)
    stored = {row.node: row for row in rows}
    told = agenda_of(state)
    broken = (
        _row("derived_row", state.seq, f"step {node}", stored[node], row)
        for node, row in sorted(told.items())
        if node in stored
    )
    return _set(state.seq, STEPS, "step", set(stored), set(told)) or next(filter(None, broken), None)


def _approvals(state: JobState, account: Account, shelf: Shelf | None) -> Break | None:
    told = {
        UUID(each.info["approval"]): each.path for each in state.calls.values() if each.kind == "approval"
    }
    rows = shelf.approvals[UUID(state.job)] if shelf else Approval.objects.filter(job_id=state.job)
    stored = {row.id: row for row in rows}
    broken = _set(state.seq, APPROVALS, "approval", set(stored), set(told))
    if broken is not None:
        return broken
    for key, path in sorted(told.items()):
        asked = account.questions[path]
        row = approval_row(state, path)
        row |= {"job_id": UUID(row["job_id"]), "requested_at": parse(asked.at),
                "decided_at": parse(asked.last_at) if row["state"] != "open" else None}  # fmt: skip
        broken = _row("derived_row", asked.last, f"approval {key}", stored[key], row)
        if broken is not None:
            return broken
    return None


def _ledger(state: JobState, account: Account, shelf: Shelf | None) -> Break | None:
    told = dict(account.lines)
    for row in shelf.lines[UUID(state.job)] if shelf else _lines(state.job):
        if row.id not in told:
            message = f"ledger line {row.id} of call {row.node}: no event speaks of it"
            return Break("ledger_line", state.seq, message, LEDGER, str(row.id))
        seq, columns = told.pop(row.id)
        broken = _row("ledger_line", seq, f"ledger line {row.id}", row, columns)
        if broken is not None:
            return broken
    for key, (seq, columns) in told.items():
        message = f"ledger line {key} of call {columns['node']} is missing"
        return Break("ledger_line", seq, message, LEDGER, str(key))
    return None


def _lines(job: str) -> Iterable[Invocation]:
    return Invocation.objects.filter(job_id=job).order_by("id").iterator(LINES)
