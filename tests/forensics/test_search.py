"""Forensic search: each filter finds exactly its rows; nothing of another tenant; bad questions name what is wrong."""

from __future__ import annotations

from typing import Any

import pytest

from forensics import search
from jobs.core.errors import Invalid
from jobs.models import Approval, Event, Job
from ledger.models import Invocation
from tests.forensics.accessing import a_tenant
from tests.forensics.searching import SCRIBE, Record

pytestmark = pytest.mark.usefixtures("here")


@pytest.fixture
def record(here: Any) -> Record:
    """A tenant of this test's own with three jobs."""
    return Record(a_tenant())


def _all(tenant: str, **given: str) -> list[dict[str, Any]]:
    """Every row of a search, by pages of three."""
    rows: list[dict[str, Any]] = []
    cursor = None
    while True:
        page = search.search(tenant, given, cursor, 3)
        rows += page["results"]
        cursor = page["next"]
        if cursor is None:
            return rows


def _jobs(record: Record, **given: str) -> set[str]:
    names = {record.paid: "paid", record.failed: "failed", record.waiting: "waiting"}
    return {names[each["job"]] for each in _all(record.tenant, of="jobs", **given)}


def test_jobs_are_found_by_every_filter(record: Record) -> None:
    call = Invocation.objects.get(job_id=record.paid, tool="refund_card")
    for given, found in (
        ({}, {"paid", "failed", "waiting"}),
        ({"agent": "drawn"}, {"paid", "failed", "waiting"}),
        ({"agent": "adder"}, set()),
        ({"status": "failed"}, {"failed"}),
        ({"agent": "drawn", "status": "parked"}, {"waiting"}),
        ({"agent": "drawn", "version": "2"}, set()),
        ({"outcome": "completed"}, {"paid"}),
        ({"tag": "gold"}, {"paid"}),
        ({"tag": "vip é"}, {"paid"}),
        ({"tag": "gol"}, set()),
        ({"requester": "Ann"}, {"paid", "failed", "waiting"}),
        ({"requester": record.bea.id}, set()),
        ({"actor": record.bea.id}, {"paid"}),
        ({"approver": "Bea"}, {"paid"}),
        ({"document": "D-1"}, {"paid", "waiting"}),
        ({"model": SCRIBE}, {"paid", "waiting"}),
        ({"tool": "refund_card"}, {"paid"}),
        ({"tool": "refund*"}, {"paid", "failed"}),
        ({"tool": "refund*", "status": "failed"}, {"failed"}),
        ({"key": f"refund:A-{record.tenant}"}, {"paid"}),
        ({"step_outcome": "permanent"}, {"failed"}),
        ({"job": record.paid}, {"paid"}),
        ({"invocation": str(call.id)}, {"paid"}),
        ({"text": f"A-{record.tenant}"}, {"paid"}),
        ({"document": "D-1", "approver": "Bea"}, {"paid"}),
        ({"document": "D-1", "text": f"b-{record.tenant}"}, {"waiting"}),
    ):
        assert _jobs(record, **given) == found, given


def test_events_are_found_by_every_filter(record: Record) -> None:
    rows = list(Event.objects.filter(tenant=record.tenant))
    call = Invocation.objects.get(job_id=record.paid, tool="refund_card")

    def expected(fits: Any) -> set[str]:
        return {f"{row.job_id}#{row.seq}" for row in rows if fits(row)}

    paid = [row for row in rows if str(row.job_id) == record.paid]
    for given, fits in (
        ({}, lambda row: True),
        ({"job": record.paid}, lambda row: row in paid),
        ({"type": "job_failed"}, lambda row: row.type == "job_failed"),
        ({"type": "job_failed,job_failed"}, lambda row: row.type == "job_failed"),
        ({"type": "job_failed,job_completed"}, lambda row: row.type in ("job_failed", "job_completed")),
        ({"type": "node_started", "job": record.paid}, lambda row: row in paid and row.type == "node_started"),
        ({"type": "node_started", "status": "completed"}, lambda row: row in paid and row.type == "node_started"),
        ({"agent": "drawn"}, lambda row: True),
        ({"tag": "gold"}, lambda row: row in paid),
        ({"actor": "Bea"}, lambda row: row.type == "approval_decided"),
        ({"approver": record.bea.id}, lambda row: row.type == "approval_decided"),
        ({"document": "D-1"}, lambda row: row.node == "read" and row.type == "tool_invocation_finished"),
        ({"document": "D-1", "status": "completed"},
         lambda row: row in paid and row.node == "read" and row.type == "tool_invocation_finished"),
        ({"model": SCRIBE}, lambda row: row.node == "think" and row.type in
         ("command_emitted", "tool_invocation_finished", "reasoning_snapshot")),
        ({"tool": "refund*"}, lambda row: row.node in ("pay", "give") and row.type.startswith("tool_invocation")),
        ({"tool": "refund_card", "type": "tool_invocation_finished"},
         lambda row: row.node == "pay" and row.type == "tool_invocation_finished"),
        ({"key": f"refund:A-{record.tenant}"}, lambda row: row.node == "pay" and row.type == "tool_invocation_started"),
        ({"step_outcome": "permanent"}, lambda row: '"step_outcome":"permanent"' in (row.body or "")),
        ({"invocation": str(call.id)}, lambda row: row in paid and row.node == "pay"),
        ({"node": "ask"}, lambda row: row.node == "ask"),
        ({"text": "LOOKS right"}, lambda row: "looks right" in row.body),
        ({"text": "100%"}, lambda row: False),
    ):  # fmt: skip
        found = _all(record.tenant, of="events", **given)
        assert {each["id"] for each in found} == expected(fits), given
        assert len(found) == len({each["id"] for each in found}), given
        assert [each["at"] for each in found] == sorted((each["at"] for each in found), reverse=True), given


def test_effects_are_found_by_every_filter(record: Record) -> None:
    card = {"refund_card"}
    for given, found in (
        ({}, None),
        ({"tool": "refund*"}, {"refund_card", "refund_gift"}),
        ({"tool": "refund_card"}, card),
        ({"state": "landed", "effect": "at_most_once"}, card),
        ({"state": "not_landed"}, {"refund_gift"}),
        ({"key": f"refund:A-{record.tenant}"}, card),
        ({"status": "failed"}, {"refund_gift"}),
        ({"approver": "Bea", "tool": "refund*"}, card),
        ({"node": "give"}, {"refund_gift"}),
        ({"text": f"a-{record.tenant}", "tool": "refund*"}, card),
    ):
        rows = _all(record.tenant, of="effects", **given)
        whole = Invocation.objects.filter(tenant=record.tenant)
        assert {each["what"] for each in rows} == (
            set(whole.values_list("tool", flat=True)) if found is None else found
        ), given
    line = Invocation.objects.get(job_id=record.paid, tool="refund_card")
    assert [each["id"] for each in _all(record.tenant, of="effects", invocation=str(line.id))] == [
        str(line.id)
    ]
    assert [each["id"] for each in _all(record.tenant, of="effects", key=line.idempotency_key)] == [
        str(line.id)
    ]


def test_approvals_are_found_by_every_filter(record: Record) -> None:
    done, open_ = (str(Approval.objects.get(job_id=job).id) for job in (record.paid, record.waiting))
    for given, found in (
        ({}, {done, open_}),
        ({"state": "open"}, {open_}),
        ({"state": "approved"}, {done}),
        ({"approver": "Bea"}, {done}),
        ({"approver": "Ann"}, set()),
        ({"job": record.waiting}, {open_}),
        ({"text": "pay it"}, {done, open_}),
        ({"text": "refund?", "state": "open"}, {open_}),
        ({"node": "ask", "document": "D-1", "status": "completed"}, {done}),
    ):
        assert {each["id"] for each in _all(record.tenant, of="approvals", **given)} == found, given


def test_time_bounds_what_is_found(record: Record) -> None:
    middle = Job.objects.get(id=record.failed)
    at = middle.created_at.isoformat()
    assert _jobs(record, since=at) == {"failed", "waiting"}
    assert _jobs(record, until=at) == {"paid"}
    assert _jobs(record, since=at, agent="drawn", until=at) == set()
    assert _jobs(record, tag="gold", since=at) == set()
    for of in search.TARGETS:
        before = {each["id"] for each in _all(record.tenant, of=of, until=at)}
        later = {each["id"] for each in _all(record.tenant, of=of, since=at)}
        assert before & later == set()
        assert before | later == {each["id"] for each in _all(record.tenant, of=of)}
    assert _jobs(record, since="1d") == {"paid", "failed", "waiting"}


def test_a_tenant_finds_nothing_of_another(record: Record) -> None:
    stranger = a_tenant()
    call = Invocation.objects.get(job_id=record.paid, tool="refund_card")
    for of in search.TARGETS:
        for given in ({}, {"job": record.paid}, {"document": "D-1"}, {"tool": "refund*"}, {"actor": "Ann"},
                      {"invocation": str(call.id)}, {"key": f"refund:A-{record.tenant}"}, {"tag": "gold"}):  # fmt: skip
            assert _all(stranger, of=of, **given) == [], (of, given)


WRONG = [
    ({"of": "everything"}, "of"),
    ({"typ": "x"}, "typ"),
    ({"of": "jobs", "type": "job_failed"}, "type"),
    ({"of": "jobs", "state": "landed"}, "state"),
    ({"of": "approvals", "state": "landed"}, "state"),
    ({"type": "job_exploded"}, "type"),
    ({"status": "done"}, "status"),
    ({"since": "yesterday"}, "since"),
    ({"since": "2026-01-01T00:00:00"}, "since"),
    ({"job": "7"}, "job"),
    ({"invocation": "x"}, "invocation"),
    ({"tool": "*refund"}, "tool"),
    ({"tool": "a b"}, "tool"),
    ({"text": "ab"}, "text"),
    ({"actor": ""}, "actor"),
    ({"actor": "a\0b"}, "actor"),
    ({"actor": "x" * 300}, "actor"),
]


@pytest.mark.parametrize(("given", "name"), WRONG)
def test_a_question_that_cannot_be_meant_is_refused_by_name(given: dict[str, str], name: str) -> None:
    with pytest.raises(Invalid) as refusal:
        search.search("t", given)
    assert refusal.value.errors[0]["loc"] == [name]


def test_a_search_that_would_read_too_much_is_refused_with_advice(
    record: Record, monkeypatch: pytest.MonkeyPatch
) -> None:
    from forensics.search import plans
    from forensics.search.lanes import Alternative

    monkeypatch.setattr(Alternative, "enough", 5)
    monkeypatch.setattr(plans, "MOST_JOBS", 1)
    for given in ({"text": "refund"}, {"node": "pay"}, {"agent": "drawn"}):
        with pytest.raises(Invalid) as refusal:
            search.search(record.tenant, given)
        assert refusal.value.code == "search_too_wide"
        assert "narrow" in refusal.value.message
    assert _all(record.tenant, text="looks right", job=record.paid)
    assert _all(record.tenant, text="looks right", approver="Bea")
    assert _all(record.tenant, type="node_started")
