"""Evidence over HTTP: who had it done, why, what followed; by whom it may be asked, and that every asking is on record."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from examples.loan import loan
from forensics import search
from forensics.models import Access
from jobs import approve, submit
from jobs.services import prune
from jobs.testing import in_this_process, run_until_parked
from ledger.models import Invocation
from tests.faces import admin_stage as stage
from tests.faces.api_stage import Caller, refused
from tests.factories import a_tenant, person
from tests.forensics.record_of import drawn

pytestmark = pytest.mark.usefixtures("engine_db")


@pytest.fixture
def tenant(engine_db: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A tenant of this test's own, whose loans are written to a book of its own."""
    from jobs import clock

    monkeypatch.setattr(clock, "_shift", 0.0)
    monkeypatch.setenv("AETHERIS_LOAN_BOOK", str(tmp_path / "payouts.jsonl"))
    with in_this_process(seconds=1e7):
        yield a_tenant()


def _paid(tenant: str) -> str:
    job = str(submit(loan.__name__, {"application_id": "L-2001"}, actor=person("clerk", tenant=tenant)))
    run_until_parked(job)
    approve(job, actor=person("officer", tenant=tenant))
    assert run_until_parked(job).status == "completed"
    return job


def _caller(tenant: str) -> Caller:
    return Caller(stage.person(*stage.OPERATOR, "view_forensics"), tenant=tenant)


def test_who_when_why_in_one_call_from_key_ledger_id_or_what_the_tool_returned(tenant: str) -> None:
    job, caller = _paid(tenant), _caller(tenant)
    while search.behind():
        search.catch_up()
    line = Invocation.objects.get(job_id=job, node="payout")
    answers = [
        caller.get(f"forensics/who?{name}={word}").json()["results"]
        for name, word in (("key", "loan:L-2001"), ("key", line.idempotency_key), ("invocation", line.id),
                           ("reference", "PAY-L-2001"))
    ]  # fmt: skip
    assert all(each == answers[0] for each in answers)
    [told] = answers[0]
    assert told["sentence"].startswith("clerk had loan@1 do pay_out in step payout, attempt 1 at ")
    assert (told["approved_by"][0]["name"], told["submitted_by"]["name"]) == ("officer", "clerk")
    assert [each["answered"] for each in told["based_on"]["models"]] == ["loan-assessor-1-2026-01"]


def test_why_walks_back_and_followed_walks_forward(tenant: str) -> None:
    job, caller = _paid(tenant), _caller(tenant)
    back = caller.get(f"forensics/why?job={job}&of=payout").json()
    assert {"person", "document", "model_call", "vote", "request"} <= {each["kind"] for each in back["nodes"]}
    assert "output" not in {each["kind"] for each in back["nodes"]}
    while search.behind():
        search.catch_up()
    for question in (
        "document=affordability",
        "person=officer",
        "model=loan-assessor-1-2026-01",
        "model=loan-assessor-1",
    ):
        [found] = caller.get(f"forensics/followed?{question}").json()["results"]
        assert found["job"] == job
        assert "step/payout" in {each["id"] for each in found["effects"]}, question
    assert caller.get("forensics/followed?document=opening-hours").json()["results"] == []


def test_followed_goes_across_jobs_page_by_page(tenant: str) -> None:
    jobs, caller = [_paid(tenant), *(_again(tenant) for _ in range(2))], _caller(tenant)
    while search.behind():
        search.catch_up()
    first = caller.get("forensics/followed?document=affordability&limit=2").json()
    rest = caller.get(first["next"]).json()
    assert [each["job"] for each in [*first["results"], *rest["results"]]] == list(reversed(jobs))
    recalled = caller.get("forensics/who?key=loan:L-2001").json()["results"]
    assert [each["job"] for each in recalled] == list(reversed(jobs))


def _again(tenant: str) -> str:
    """The same loan once more: approved, and recalled instead of paid."""
    return _paid(tenant)


def test_the_graph_in_its_three_forms(tenant: str) -> None:
    job, caller = _paid(tenant), _caller(tenant)
    graph = caller.get(f"jobs/{job}/evidence").json()
    assert graph["job"] == job
    assert caller.get(f"jobs/{job}/evidence?format=prov").json()["prefix"]["aetheris"] == "urn:aetheris:"
    picture = caller.get(f"jobs/{job}/evidence?format=svg")
    assert picture.headers["Content-Type"].startswith("image/svg+xml")
    drawn(picture.content.decode())
    refused(caller.get(f"jobs/{job}/evidence?format=png"), 422, "invalid")


def test_timeline_and_reasoning(tenant: str) -> None:
    job, caller = _paid(tenant), _caller(tenant)
    told = caller.get(f"jobs/{job}/timeline").json()
    assert [each["id"] for each in told["decisions"] if each["kind"] == "model_call"] == ["step/assessment"]
    told = caller.get(f"jobs/{job}/nodes/assessment/reasoning").json()
    [call] = told["attempts"][0]["calls"]
    assert call["args"]["model"] == "loan-assessor-1"
    assert call["result"]["output"]["recommend"] == "approve"
    refused(caller.get(f"jobs/{job}/nodes/nothing/reasoning"), 404, "not_found")


@pytest.mark.parametrize("path", ["evidence", "timeline", "nodes/payout/reasoning"])
def test_another_tenants_job_is_not_found(path: str, tenant: str) -> None:
    job = _paid(tenant)
    other = _caller(a_tenant())
    refused(other.get(f"jobs/{job}/{path}"), 404, "not_found")
    refused(other.get(f"forensics/why?job={job}&of=payout"), 404, "not_found")
    for name, word in (
        ("key", "loan:L-2001"),
        ("invocation", Invocation.objects.get(job_id=job, node="payout").id),
    ):
        refused(other.get(f"forensics/who?{name}={word}"), 404, "not_found")
    assert other.get("forensics/followed?document=affordability").json()["results"] == []


@pytest.mark.parametrize("question", ["who?key=x", "why?job=x&of=x", "followed?document=x"])
def test_questions_across_jobs_take_the_permission(question: str) -> None:
    refused(Caller(stage.person(*stage.OPERATOR)).get(f"forensics/{question}"), 403, "permission_missing")


@pytest.mark.parametrize(
    ("question", "name"),
    [("who", "key"), ("who?key=a&reference=b", "key"), ("who?invocation=x", "invocation"), ("why?of=x", "job"),
     ("why?job=x&of=x", "job"), (f"why?job={uuid4()}", "of"), ("followed", "document")],
)  # fmt: skip
def test_what_cannot_be_meant_is_refused_by_name(question: str, name: str) -> None:
    problem: dict[str, Any] = refused(_caller("default").get(f"forensics/{question}"), 422, "invalid")
    assert problem["errors"][0]["loc"] == [name]


def test_every_asking_is_on_record(tenant: str) -> None:
    job, caller = _paid(tenant), _caller(tenant)
    for path in (f"jobs/{job}/evidence", f"jobs/{job}/timeline", "forensics/who?key=loan:L-2001"):
        caller.get(path)
    found = list(Access.objects.filter(tenant=tenant).order_by("seq").values_list("action", "question"))
    assert [each[0] for each in found] == ["view", "view", "search"]


def test_why_goes_on_in_another_job_page_by_page_and_each_of_them_is_looked_at(tenant: str) -> None:
    first, second = _paid(tenant), _again(tenant)
    caller = _caller(tenant)
    told = caller.get(f"forensics/why?job={second}&of=payout&limit=1").json()
    assert [each["job"] for each in told["across"]["results"]] == [first]
    assert told["beyond"] == [first]
    assert {each["kind"] for each in told["across"]["links"]} == {"recalled"}
    assert (told["across"]["next"], told["across"]["previous"], told["across"]["cut"]) == (None, None, False)
    found = Access.objects.filter(tenant=tenant, question="why")
    assert {str(each) for each in found.values_list("job_id", flat=True) if each} == {first, second}
    refused(caller.get(f"forensics/why?job={second}&of=payout&cursor=x"), 422, "bad_cursor")
    refused(caller.get(f"forensics/why?job={second}&of=payout&cursr=x"), 422, "unknown_parameter")
    assert Access.objects.filter(tenant=tenant, question="why", outcome="refused", job_id=None).count() == 2


def test_followed_goes_on_from_the_jobs_that_name_it_and_each_of_them_is_looked_at(tenant: str) -> None:
    first, second = _paid(tenant), _again(tenant)
    while search.behind():
        search.catch_up()
    told = _caller(tenant).get("forensics/followed?document=affordability").json()["results"]
    assert [(each["job"], [one["job"] for one in each["across"]]) for each in told] == [
        (second, []),
        (first, [second]),
    ]
    [further] = told[1]["across"]
    assert "step/payout" in {each["id"] for each in further["effects"]}
    found = Access.objects.filter(tenant=tenant, question="followed").values_list("job_id", flat=True)
    assert {str(each) for each in found if each} == {first, second}


def test_who_did_what_a_pruned_job_did_answers_with_its_tombstone(tenant: str) -> None:
    """The line of a business key outlives its job, which nobody can tell of any more."""
    job = _paid(tenant)
    prune(job, reason="kept long enough", actor=person("officer", tenant=tenant))
    line = Invocation.objects.get(job_id=job, node="payout")
    for name, word in (("key", "loan:L-2001"), ("invocation", line.id)):
        problem = refused(_caller(tenant).get(f"forensics/who?{name}={word}"), 410, "job_pruned")
        assert problem["tombstone"]["job"] == job
    refused(_caller(a_tenant()).get(f"forensics/who?invocation={line.id}"), 404, "not_found")
