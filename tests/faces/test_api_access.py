"""Who gets in: tokens, sessions, tenants."""

from __future__ import annotations

from datetime import timedelta
from hashlib import sha256
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client

from jobs import clock, tokens
from jobs.core.commands import Actor
from jobs.models import Token
from tests.faces import admin_stage as stage
from tests.faces.api_stage import Caller, nobody_special, nothing_written, refused

pytestmark = pytest.mark.usefixtures("engine_db")


def _with(token: str) -> Any:
    return Client(headers={"Authorization": token}).get("/api/me")


def test_without_a_token_or_session_nobody_gets_in() -> None:
    answer = Client().get("/api/jobs")
    refused(answer, 401, "not_authenticated")
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")


@pytest.mark.parametrize(
    "header", ["Bearer", "Bearer ", "Bearer aeth_nonsense", "Bearer x", "Bearer aeth_\u00fc", "bearer aeth_"]
)
def test_a_token_that_was_never_given_out_is_refused(header: str) -> None:
    answer = _with(header)
    refused(answer, 401, "invalid_token")
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")


def test_only_a_digest_of_a_token_is_stored() -> None:
    text = Caller().token
    row = Token.objects.get(digest=sha256(text.encode()).hexdigest())
    assert text.startswith(row.prefix)
    assert len(row.prefix) == 12
    assert text not in str(vars(row))


def test_a_revoked_token_is_refused_at_once() -> None:
    caller = Caller()
    kept = caller.post("tokens", {"name": "laptop"}).json()
    assert _with(f"Bearer {kept['token']}").status_code == 200
    assert caller.delete(f"tokens/{kept['id']}").status_code == 204
    assert caller.delete(f"tokens/{kept['id']}").status_code == 204
    refused(_with(f"Bearer {kept['token']}"), 401, "invalid_token")


def test_a_token_ends_at_its_time() -> None:
    caller = Caller()
    soon = clock.now() + timedelta(seconds=60)
    made = caller.post("tokens", {"expires_at": soon.isoformat()}).json()
    assert _with(f"Bearer {made['token']}").status_code == 200
    clock.shift(61)
    try:
        refused(_with(f"Bearer {made['token']}"), 401, "invalid_token")
    finally:
        clock.shift(-61)


def test_a_token_of_a_user_who_was_shut_out_is_refused() -> None:
    caller = Caller()
    caller.user.is_active = False
    caller.user.save()
    refused(caller.get("me"), 401, "invalid_token")


def test_a_token_made_with_a_token_does_not_outlive_it() -> None:
    user = stage.operator()
    soon = clock.now() + timedelta(hours=1)
    first = tokens.create(user, tenant="default", expires_at=soon)
    client = Client(headers={"Authorization": f"Bearer {first.text}"})
    heir = client.post("/api/tokens", {}, content_type="application/json").json()
    assert Token.objects.get(pk=heir["id"]).expires_at == soon
    with nothing_written():
        later = {"expires_at": (soon + timedelta(seconds=1)).isoformat()}
        refused(client.post("/api/tokens", later, content_type="application/json"), 422, "bad_expiry")


def test_a_token_that_would_be_expired_is_not_made() -> None:
    caller = Caller()
    with nothing_written():
        refused(caller.post("tokens", {"expires_at": "2020-01-01T00:00:00Z"}), 422, "bad_expiry")


def test_a_new_token_is_shown_once_and_never_cached() -> None:
    caller = Caller()
    made = caller.post("tokens", {"name": "laptop"})
    assert made.status_code == 201
    assert made.headers["Cache-Control"] == "no-store"
    text = made.json()["token"]
    assert text not in caller.get("tokens").content.decode()
    assert [each["name"] for each in caller.get("tokens").json()["results"]] == ["laptop", ""]


def test_nobody_sees_or_ends_the_token_of_somebody_else() -> None:
    mine, other = Caller(), Caller()
    row = Token.objects.get(user=other.user)
    refused(mine.delete(f"tokens/{row.pk}"), 404, "not_found")
    assert other.get("me").status_code == 200
    assert row.pk not in [each["id"] for each in mine.get("tokens").json()["results"]]


def test_a_session_needs_the_csrf_token() -> None:
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(stage.operator())
    assert browser.get("/api/me").json()["token"] is None
    with nothing_written():
        answer = browser.post("/api/tokens", {}, content_type="application/json")
        refused(answer, 403, "not_allowed")
    browser.get("/admin/")
    key = browser.cookies["csrftoken"].value if "csrftoken" in browser.cookies else ""
    if not key:
        browser.get("/admin/password_change/")
        key = browser.cookies["csrftoken"].value
    sent = browser.post("/api/tokens", {}, content_type="application/json", headers={"X-CSRFToken": key})
    assert sent.status_code == 201


def test_me_tells_who_i_am_and_what_i_may() -> None:
    caller = Caller(stage.person("submit_job", "resolve_effect", group="finance"))
    me = caller.get("me").json()
    assert me["name"] == caller.user.get_username()
    assert (me["tenant"], me["groups"], me["superuser"]) == ("default", ["finance"], False)
    assert me["may"] == ["resolve", "submit"]
    assert caller.token.startswith(me["token"]["prefix"])


def test_who_may_only_look_changes_nothing() -> None:
    job = stage.job(stage.waiting())
    _, invocation = stage.unknown_call()
    caller = Caller(nobody_special())
    assert caller.get(f"jobs/{job}").status_code == 200
    with nothing_written():
        for path, body in (
            (f"jobs/{job}/signals", {"name": "go"}),
            (f"jobs/{job}/messages", {"channel": "news"}),
            (f"jobs/{job}/pause", {}),
            (f"jobs/{job}/resume", {}),
            (f"jobs/{job}/cancel", {}),
            (f"jobs/{job}/retry", {}),
            (f"jobs/{job}/fork", {"at": 1}),
            (f"unresolved/{invocation}/resolve", {"verdict": "fail"}),
        ):
            refused(caller.post(path, body), 403, "permission_missing")


STRANGE = [
    ("get", "jobs/{job}"),
    ("get", "jobs/{job}/events"),
    ("get", "jobs/{job}/events/stream"),
    ("get", "jobs/{job}/trace"),
    ("get", "jobs/{job}/nodes/ask"),
    ("post", "jobs/{job}/signals"),
    ("post", "jobs/{job}/messages"),
    ("post", "jobs/{job}/pause"),
    ("post", "jobs/{job}/resume"),
    ("post", "jobs/{job}/cancel"),
    ("post", "jobs/{job}/retry"),
    ("post", "jobs/{job}/fork"),
    ("post", "jobs/{job}/confirm"),
    ("get", "jobs/{job}/export"),
    ("get", "jobs/{job}/evidence"),
    ("post", "jobs/{job}/verify"),
    ("post", "jobs/{job}/replay"),
    ("get", "approvals/{approval}"),
    ("post", "approvals/{approval}/decide"),
    ("post", "unresolved/{invocation}/resolve"),
]
BODIES: dict[str, dict[str, Any]] = {
    "signals": {"name": "go"},
    "messages": {"channel": "news"},
    "decide": {"decision": "approve", "digest": "0" * 64},
    "resolve": {"verdict": "fail"},
}


@pytest.mark.parametrize(("method", "path"), STRANGE)
def test_what_belongs_to_another_tenant_is_not_found(method: str, path: str) -> None:
    stranger = Actor(id="s", name="s", tenant=f"t-{uuid4().hex[:8]}")
    job = stage.job(stage.asking(), stage.paying(), stage.waiting(), actor=stranger)
    _, invocation = stage.unknown_call(actor=stranger)
    place = path.format(job=job, approval=stage.approval_of(job), invocation=invocation)
    caller = Caller(stage.person(*stage.OPERATOR, group="finance"))
    with nothing_written():
        body = BODIES.get(path.rpartition("/")[2], {})
        answer = caller.get(place) if method == "get" else caller.post(place, body)
        refused(answer, 404, "not_found")


def test_a_token_of_a_tenant_sees_its_jobs_and_no_others() -> None:
    tenant = f"t-{uuid4().hex[:8]}"
    mine = stage.job(stage.waiting(), actor=Actor(id="s", name="s", tenant=tenant))
    stage.job(stage.waiting())
    found = Caller(tenant=tenant).get("jobs").json()["results"]
    assert [each["id"] for each in found] == [mine]
