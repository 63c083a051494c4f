"""Auditors: is the chain whole, and are the stored rows exactly what the events say (Law L1)?"""

from __future__ import annotations

from typing import Any

from django.db.models import Model

from jobs import store
from jobs.core import chain
from jobs.core.chain import canonical
from jobs.models import Approval, Event, Job, Step
from jobs.rows import agenda_of, approval_row, job_row
from tests.store.books import book_of, stored_book


def events_of(job: str) -> list[Event]:
    """The stored events of a job, in order."""
    return list(Event.objects.filter(job_id=job).order_by("seq"))


def kinds_of(job: str) -> list[str]:
    """The kinds of a job's events, in order."""
    return [event.type for event in events_of(job)]


def check_chain(job: str) -> None:
    """Every event has the next number, commits to its stored text, and links to the one before; the head is the last."""
    last, seq = chain.GENESIS, 0
    for event in events_of(job):
        seq += 1
        assert (event.seq, event.prev) == (seq, last)
        assert event.salt is not None
        assert event.body is not None
        assert event.digest == chain.body_digest(event.salt, event.body)
        last = chain.link(
            job=job, seq=seq, type=event.type, node=event.node, at=event.at, digest=event.digest, prev=last
        )
        assert event.hash == last
    row = Job.objects.get(id=job)
    assert (row.head_seq, row.head_hash) == (seq, last)


def check_rows(job: str) -> None:
    """Job, agenda, approvals and ledger are what folding the stored events gives."""
    state = store.state_of(job)
    row = Job.objects.get(id=job)
    assert _columns(row, job_row(state)) == job_row(state)
    assert canonical(state.goal) == row.goal
    agenda = agenda_of(state)
    assert {
        step.node: _columns(step, agenda.get(step.node, {})) for step in Step.objects.filter(job_id=job)
    } == agenda
    asked = {path: approval_row(state, path) for path, each in state.calls.items() if each.kind == "approval"}
    approvals = Approval.objects.filter(job_id=job)
    assert {each.node: _as_text(_columns(each, asked[each.node])) for each in approvals} == {
        path: _as_text(columns) for path, columns in asked.items()
    }
    assert stored_book(job) == book_of(state, job)


def check(job: str) -> None:
    """The whole audit of one job."""
    check_chain(job)
    check_rows(job)


def _columns(row: Model, wanted: dict[str, Any]) -> dict[str, Any]:
    return {name: getattr(row, name) for name in wanted}


def _as_text(columns: dict[str, Any]) -> dict[str, Any]:
    return {**columns, "job_id": str(columns["job_id"])}
