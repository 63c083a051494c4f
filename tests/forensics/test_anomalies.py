"""Anomalies in real records: what was seeded is found with its severity, and a clean record has none."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest

from forensics import services
from jobs import TaskGraph, clock, submit
from jobs.core.commands import Actor
from jobs.core.moments import text
from jobs.models import Approval, Event, Job
from jobs.services import approve
from jobs.testing import run_until_parked
from ledger import NotLanded, Retry, tool
from ledger.llm import Scripted, register_model
from ledger.models import Invocation
from tests.faces import admin_stage as stage
from tests.faces.api_stage import Caller, named, refused
from tests.factories import EVERYTHING
from tests.forensics.accessing import a_tenant
from tests.forensics.searching import SCRIBE, Record, read_file, refund_card
from tests.forensics.verifying import verified

pytestmark = pytest.mark.usefixtures("here")


@tool(name="never_works", retry=Retry(max_attempts=9, backoff=1, jitter=0))
def never_works(why: str) -> None:
    """It says every time that it did not happen."""
    raise NotLanded(why)


def _who(tenant: str, name: str = "ann") -> Actor:
    return Actor(f"{name}-{tenant}", name, groups=("finance",), tenant=tenant, may=EVERYTHING)


def _started(tenant: str, graph: TaskGraph) -> str:
    return str(submit("drawn", {"graph": graph.to_json()}, actor=_who(tenant)))


def _found(tenant: str, **asked: Any) -> set[tuple[str, str, str]]:
    told = services.anomalies(tenant, **asked)
    return {(each["kind"], each["severity"], each["job"]) for each in told["results"]}


def _signals(tenant: str, **asked: Any) -> dict[str, str]:
    return {each["kind"]: each["state"] for each in services.anomalies(tenant, **asked)["signals"]}


def test_a_clean_record_has_none() -> None:
    record = Record(a_tenant())
    assert _found(record.tenant) == set()
    for job in (record.paid, record.failed, record.waiting):
        assert _found(record.tenant, job=job) == set()


def test_what_nothing_has_verified_is_unknown_and_not_clean() -> None:
    record = Record(a_tenant())
    assert _signals(record.tenant)["broken_chain"] == "unknown"
    assert set(_signals(record.tenant, job=record.paid).values()) == {"looked"}


def test_what_verification_has_found_broken_is_listed_and_known() -> None:
    record = Record(a_tenant())
    Job.objects.filter(id=record.paid).update(outcome="forged")
    verified(record.tenant)
    [found] = [
        each for each in services.anomalies(record.tenant)["results"] if each["kind"] == "broken_chain"
    ]
    assert (found["job"], found["facts"]["column"], found["severity"]) == (record.paid, "outcome", "critical")
    assert _signals(record.tenant)["broken_chain"] == "looked"


@pytest.mark.parametrize(("retries", "severity"), [(2, None), (3, "high"), (5, "critical")])
def test_a_retry_loop(retries: int, severity: str | None) -> None:
    tenant, graph = a_tenant(), TaskGraph()
    graph.tool("again", never_works, why="no")
    job = _started(tenant, graph)
    for _ in range(retries):
        run_until_parked(job)
        clock.shift(400)
    assert Event.objects.filter(job_id=job, type="node_retry_scheduled").count() == retries
    loops = {each for each in _found(tenant) if each[0] == "retry_loop"}
    assert loops == ({("retry_loop", severity, job)} if severity else set())


def test_an_approval_that_nobody_can_have_read() -> None:
    tenant, graph = a_tenant(), TaskGraph()
    ask = graph.approval("ask", question="Sure?", show={"contract": "word " * 400}, groups=["finance"])
    graph.tool("pay", refund_card, order=tenant, cents=1, after=[ask])
    fast, slow = _started(tenant, graph), None
    run_until_parked(fast)
    approve(str(Approval.objects.get(job_id=fast).id), actor=_who(tenant))
    assert _found(tenant) == {("fast_approval", "high", fast)}
    slow = _started(tenant, graph)
    run_until_parked(slow)
    clock.shift(120)
    approve(str(Approval.objects.get(job_id=slow).id), actor=_who(tenant))
    assert {each for each in _found(tenant) if each[2] == slow} == set()


@pytest.mark.parametrize(("hours", "severity"), [(0, None), (2, "high"), (30, "critical")])
def test_an_effect_that_nobody_has_resolved(hours: int, severity: str | None) -> None:
    tenant = a_tenant()
    job, _ = stage.unknown_call(actor=Actor(id="a", name="a", tenant=tenant))
    clock.shift(3600 * hours)
    found = {each for each in _found(tenant) if each[0] == "unresolved_effect"}
    assert found == ({("unresolved_effect", severity, job)} if severity else set())


def test_a_broken_record_is_critical_and_says_where() -> None:
    record = Record(a_tenant())
    Job.objects.filter(pk=record.paid).update(output='"forged"')
    [found] = services.anomalies(record.tenant, job=record.paid)["results"]
    assert (found["kind"], found["severity"]) == ("broken_chain", "critical")
    assert found["facts"]["kind"] == "derived_row"
    quality = services.quality_of(record.paid, record.tenant)
    assert quality["score"] == 0.0


def _decided(tenant: str, *, citing: bool) -> str:
    """A job that lets a model decide on an effect."""
    graph, name = TaskGraph(), f"{tenant}-{uuid4().hex[:6]}"
    said = graph.llm("think", SCRIBE, [{"role": "user", "content": "well?"}])
    before = [said, graph.tool("read", read_file, doc="D-9")] if citing else [said]
    graph.tool("pay", refund_card, order=name, cents=2, after=before)
    job = _started(tenant, graph)
    assert run_until_parked(job).status == "completed"
    return job


def test_evidence_that_the_others_have_is_missing() -> None:
    tenant = a_tenant()
    register_model(SCRIBE, Scripted(["yes"] * 9))
    blind = _decided(tenant, citing=False)
    for _ in range(4):
        _decided(tenant, citing=True)
    assert _found(tenant) == set()  # four others are no habit
    _decided(tenant, citing=True)
    assert _found(tenant) == {("missing_evidence", "high", blind)}
    assert _found(tenant, job=blind) == {("missing_evidence", "high", blind)}


def test_an_effect_that_its_jobs_history_never_promised() -> None:
    record = Record(a_tenant())
    line = Invocation.objects.get(job_id=record.paid, tool="refund_card")
    line.pk, line.idempotency_key, line.business_key, line.holds = uuid4(), uuid4().hex, None, False
    line.save(force_insert=True)
    assert _found(record.tenant) == {("missing_evidence", "critical", record.paid)}


def test_code_that_does_something_else_and_a_world_that_shows_something_else() -> None:
    record = Record(a_tenant())
    bodies = (
        ("world_diverged", '{"invocation":"x"}'),
        ("node_failed", '{"error":{"code":"non_determinism"}}'),
    )
    for seq, (type, body) in enumerate(bodies, start=900):
        Event.objects.create(
            job_id=record.failed, seq=seq, tenant=record.tenant, type=type, node="give", at=text(clock.now()),
            body=body, salt="0" * 32, digest="0" * 64, prev="0" * 64, hash="0" * 64,
        )  # fmt: skip
    assert _found(record.tenant) == {("divergence", "high", record.failed)}


def test_quality_is_of_what_is_on_record_and_unknown_without() -> None:
    record = Record(a_tenant())
    told = services.quality_of(record.paid, record.tenant)
    values = {part["name"]: part["value"] for part in told["parts"]}
    assert values == {"integrity": 1.0, "certainty": 1.0, "steadiness": 1.0, "oversight": 1.0, "sources": 1.0}
    assert told["score"] == 1.0
    fresh = stage.job(stage.waiting("go"), actor=Actor(id="a", name="a", tenant=record.tenant))
    assert services.quality_of(fresh, record.tenant)["score"] == "unknown"


def test_the_api_lists_them_by_kind_severity_and_job() -> None:
    tenant = a_tenant()
    job, _ = stage.unknown_call(actor=Actor(id="a", name="a", tenant=tenant))
    clock.shift(7200)
    caller = Caller(stage.person(*stage.OPERATOR, "view_forensics"), tenant=tenant)

    def found(query: str = "") -> list[str]:
        answer = caller.get(f"forensics/anomalies{query}")
        assert answer.status_code == 200, answer.content
        return [each["kind"] for each in answer.json()["results"]]

    assert found() == found("?severity=high") == found("?kind=unresolved_effect") == ["unresolved_effect"]
    assert found(f"?job={job}") == ["unresolved_effect"]
    assert found("?severity=critical") == found("?kind=stuck") == []
    assert named(refused(caller.get("forensics/anomalies?kind=odd"), 422, "invalid")) == {"kind"}
    refused(caller.get(f"forensics/anomalies?job={uuid4()}"), 404, "not_found")
    refused(Caller(stage.operator(), tenant=tenant).get("forensics/anomalies"), 403, "permission_missing")
    assert caller.get(f"jobs/{job}/quality").json()["job"] == job
