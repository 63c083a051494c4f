"""`/api/webhooks` and `aetheris webhooks`: managed by those who may, and no secret is shown twice."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.contrib.auth.models import Permission

from tests.engine.telling import switch_on
from tests.faces.api_stage import Caller, named, refused
from tests.factories import a_tenant

pytestmark = pytest.mark.usefixtures("engine_db")
URL = "https://hooks.example.com/aetheris"


@pytest.fixture(autouse=True)
def _on(settings: Any) -> None:
    switch_on(settings)


def manager(tenant: str = "") -> Caller:
    """Somebody who may manage webhooks, in a tenant of their own."""
    caller = Caller(tenant=tenant or a_tenant())
    caller.user.user_permissions.add(Permission.objects.get(codename="manage_webhook"))
    return caller


def test_a_webhook_is_added_shown_changed_rotated_and_removed() -> None:
    caller = manager()
    made = caller.post("webhooks", {"url": URL, "name": "chat", "events": ["approval.asked"]})
    assert made.status_code == 201
    assert made.headers["Cache-Control"] == "no-store"
    hook = made.json()
    assert hook["secret"].startswith("whsec_")
    path = f"webhooks/{hook['id']}"
    assert "secret" not in caller.get(path).json()
    assert [each["id"] for each in caller.get("webhooks").json()["results"]] == [hook["id"]]
    changed = caller.client.patch(
        f"/api/{path}", json.dumps({"enabled": False}), content_type="application/json"
    )
    assert changed.json()["enabled"] is False
    new = caller.post(f"{path}/rotate", {}).json()
    assert new["secret"] != hook["secret"]
    assert new["secrets"] == 2
    assert caller.post(f"{path}/rotate", {"overlap": 0}).json()["secrets"] == 1
    sent = caller.post(f"{path}/test", {})
    assert sent.status_code == 202
    assert caller.get(f"jobs/{sent.json()['job']}").json()["agent"] == "aetheris.notify"
    assert caller.get(f"{path}/deliveries").json()["results"] == []
    assert caller.delete(path).status_code == 204
    refused(caller.get(path), 404, "not_found")


def test_an_asymmetric_webhook_shows_its_public_key_and_keeps_the_private_one() -> None:
    assert manager().post("webhooks", {"url": URL, "asymmetric": True}).json()["secret"].startswith("whpk_")


@pytest.mark.parametrize(
    ("wish", "field"),
    [
        ({"url": "http://hooks.example.com/"}, "url"),
        ({"url": "https://127.0.0.1/"}, "url"),
        ({"url": URL, "secret": "hunter2"}, "secret"),
        ({"url": URL, "name": "a\nb"}, "name"),
        ({"url": URL, "events": ["job.failed"]}, "events"),
        ({"url": URL, "colour": "red"}, "colour"),
        ({}, "url"),
    ],
)
def test_what_cannot_be_meant_is_refused_by_name(wish: dict[str, Any], field: str) -> None:
    answer = manager().post("webhooks", wish)
    assert answer.status_code == 422
    assert field in {str(each["loc"][0]) for each in answer.json()["errors"]}
    assert "hunter2" not in answer.content.decode()


def test_without_the_permission_even_the_list_is_refused() -> None:
    caller = Caller()
    for answer in (caller.get("webhooks"), caller.post("webhooks", {"url": URL})):
        refused(answer, 403, "permission_missing")


def test_another_tenants_webhook_is_not_there() -> None:
    hook = manager().post("webhooks", {"url": URL}).json()
    refused(manager().get(f"webhooks/{hook['id']}"), 404, "not_found")


def test_a_test_is_refused_where_nobody_is_notified(settings: Any) -> None:
    caller = manager()
    hook = caller.post("webhooks", {"url": URL}).json()
    settings.AETHERIS = {key: value for key, value in settings.AETHERIS.items() if key != "NOTIFY"}
    refused(caller.post(f"webhooks/{hook['id']}/test", {}), 409, "not_notifying")


def test_an_overlap_out_of_range_is_refused() -> None:
    caller = manager()
    hook = caller.post("webhooks", {"url": URL}).json()
    assert named(
        refused(caller.post(f"webhooks/{hook['id']}/rotate", {"overlap": -1}), 422, "bad_webhook")
    ) == {"overlap"}
