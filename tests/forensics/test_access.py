"""The access log: every look at forensic data is an entry of a chain of its own, or it is not answered."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from django.db import connections
from django.test import override_settings

from forensics.access import writing
from forensics.models import Access
from jobs import clock
from jobs.core.errors import Unrecorded
from jobs.models import Token
from jobs.viewing import Look, Who
from tests.faces import admin_stage as stage
from tests.faces.api_stage import Caller, refused
from tests.forensics.accessing import a_caller, a_job, a_tenant, break_the_pen, entries

pytestmark = pytest.mark.usefixtures("engine_db")


QUESTIONS = [
    ("get", "events", "view", "events"),
    ("get", "events?raw=1", "view", "events"),
    ("get", "events/stream", "view", "stream"),
    ("get", "trace", "view", "trace"),
    ("get", "nodes/_plan", "view", "node"),
    ("post", "verify", "verify", "verify"),
    ("post", "replay", "replay", "replay"),
]


@pytest.mark.parametrize(("method", "path", "action", "question"), QUESTIONS)
def test_every_look_is_one_entry_that_says_who_what_when_and_whence(
    method: str, path: str, action: str, question: str
) -> None:
    tenant = a_tenant()
    caller, job = a_caller(tenant), a_job(tenant)
    answer = getattr(caller, method)(f"jobs/{job}/{path}", User_Agent="looker/1")
    [entry] = entries(tenant)
    assert (entry["action"], entry["question"], entry["job"]) == (action, question, job)
    assert entry["who"]["name"] == caller.user.get_username()
    assert entry["who"]["id"] == str(caller.user.pk)
    assert caller.token.startswith(entry["who"]["token"])
    assert entry["from"]["address"] == "127.0.0.1"
    assert entry["status"] == answer.status_code
    assert entry["outcome"] == ("granted" if answer.status_code < 400 else "refused")
    assert answer.headers["X-Request-ID"] == entry["request"]


def test_what_is_no_forensic_data_leaves_no_entry() -> None:
    tenant = a_tenant()
    caller, job = a_caller(tenant), a_job(tenant)
    for path in (f"jobs/{job}", "jobs", "me", "workers", "approvals"):
        assert caller.get(path).status_code == 200
    assert entries(tenant) == []


def test_a_foreign_job_is_a_refusal_in_the_log_of_who_asked() -> None:
    tenant, other = a_tenant(), a_tenant()
    caller, job = a_caller(tenant), a_job(other)
    refused(caller.post(f"jobs/{job}/verify"), 404, "not_found")
    [entry] = entries(tenant)
    assert (entry["outcome"], entry["status"], entry["code"], entry["job"]) == (
        "refused",
        404,
        "not_found",
        job,
    )
    assert entries(other) == []


def test_a_question_without_its_permission_is_a_refusal_on_record() -> None:
    tenant = a_tenant()
    caller = Caller(stage.person(*stage.OPERATOR), tenant=tenant)
    refused(caller.get("forensics/access"), 403, "permission_missing")
    [entry] = entries(tenant)
    assert (entry["outcome"], entry["status"], entry["question"]) == ("refused", 403, "access")


def test_a_revoked_token_is_refused_on_record_with_whose_it_was() -> None:
    tenant = a_tenant()
    caller, job = a_caller(tenant), a_job(tenant)
    Token.objects.filter(tenant=tenant).update(revoked_at=clock.now())
    refused(caller.get(f"jobs/{job}/trace"), 401, "invalid_token")
    [entry] = entries(tenant)
    assert (entry["who"]["name"], entry["status"]) == (caller.user.get_username(), 401)


def test_somebody_unknown_leaves_no_entry_and_cannot_fill_the_log() -> None:
    before = Access.objects.count()
    caller, job = a_caller(a_tenant()), stage.new_uuid()
    caller.client.defaults.pop("HTTP_AUTHORIZATION", None)
    caller.client.headers = {}
    from django.test import Client

    refused(Client().get(f"/api/jobs/{job}/trace"), 401, "not_authenticated")
    refused(
        Client(headers={"Authorization": "Bearer aeth_never"}).get(f"/api/jobs/{job}/trace"),
        401,
        "invalid_token",
    )
    assert Access.objects.count() == before


def test_a_query_is_kept_as_a_digest_and_the_names_of_its_filters() -> None:
    tenant = a_tenant()
    caller = a_caller(tenant)
    caller.get("forensics/access?who=Ann%20Example&outcome=refused")
    [entry] = entries(tenant)
    assert entry["filters"] == ["outcome", "who"]
    assert len(entry["digest"]) == 64
    assert "Ann" not in json.dumps(entry)


def test_the_address_of_a_client_comes_from_a_proxy_only_where_one_is_trusted() -> None:
    tenant = a_tenant()
    caller, job = a_caller(tenant), a_job(tenant)
    passed = "6.6.6.6, 203.0.113.9"
    caller.get(f"jobs/{job}/trace", X_Forwarded_For=passed, **{"X-Forwarded-For": passed})
    with override_settings(AETHERIS={"TRUSTED_PROXIES": 1}):
        caller.get(f"jobs/{job}/trace", **{"X-Forwarded-For": passed})
        caller.get(f"jobs/{job}/trace", **{"X-Forwarded-For": "not an address"})
    assert [each["from"]["address"] for each in entries(tenant)] == ["127.0.0.1", "203.0.113.9", ""]


def test_a_request_keeps_the_id_that_it_brought() -> None:
    tenant = a_tenant()
    caller, job = a_caller(tenant), a_job(tenant)
    answer = caller.get(f"jobs/{job}/trace", **{"X-Request-ID": "deploy-42.a"})
    assert answer.headers["X-Request-ID"] == "deploy-42.a"
    caller.get(f"jobs/{job}/trace", **{"X-Request-ID": "two words\\n"})
    first, second = entries(tenant)
    assert first["request"] == "deploy-42.a"
    assert len(second["request"]) == 32


def test_a_project_that_wraps_requests_in_transactions_does_not_take_a_refusal_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    tenant = a_tenant()
    caller = a_caller(tenant)
    monkeypatch.setitem(connections.settings["default"], "ATOMIC_REQUESTS", True)
    refused(caller.get(f"jobs/{stage.new_uuid()}/trace"), 404, "not_found")
    assert [each["status"] for each in entries(tenant)] == [404]


# --- when it cannot be written -------------------------------------------------------------------------


@pytest.fixture
def _no_pen(monkeypatch: pytest.MonkeyPatch) -> None:
    break_the_pen(monkeypatch)


MODES = [
    ("strict", "post", "verify", 503),
    ("strict", "get", "trace", 200),
    ("all", "get", "trace", 503),
    ("all", "get", "events/stream", 503),
    ("lenient", "post", "verify", 200),
    ("off", "post", "verify", 200),
]


@pytest.mark.usefixtures("_no_pen")
@pytest.mark.parametrize(("mode", "method", "path", "status"), MODES)
def test_what_cannot_be_recorded_is_not_answered_as_the_setting_says(
    mode: str, method: str, path: str, status: int
) -> None:
    tenant = a_tenant()
    caller, job = a_caller(tenant), a_job(tenant)
    with override_settings(AETHERIS={"AUDIT_ACCESS": mode}):
        answer = getattr(caller, method)(f"jobs/{job}/{path}")
    if status == 503:
        assert job not in refused(answer, 503, "access_unrecorded")["detail"]
    assert answer.status_code == status


@pytest.mark.usefixtures("_no_pen")
def test_a_failure_of_the_view_itself_stays_the_answer(caplog: pytest.LogCaptureFixture) -> None:
    look = Look(Who("user", "7", "ann"), a_tenant(), "verify", "verify", 503, strict=True)
    with caplog.at_level("ERROR", logger="aetheris.access"):
        writing.listen(None, look)
    assert "was not recorded" in caplog.text
    with pytest.raises(Unrecorded):
        writing.listen(None, replace(look, status=200))


def test_switched_off_it_writes_nothing() -> None:
    tenant = a_tenant()
    caller, job = a_caller(tenant), a_job(tenant)
    with override_settings(AETHERIS={"AUDIT_ACCESS": "off"}):
        assert caller.post(f"jobs/{job}/verify").json()["ok"]
    assert entries(tenant) == []
