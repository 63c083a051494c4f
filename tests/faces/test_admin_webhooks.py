"""Webhooks in the admin."""

from __future__ import annotations

import re
from typing import Any

import pytest

from jobs.actors import system
from jobs.models import Job, Webhook
from jobs.services import webhooks
from tests.engine.telling import switch_on
from tests.faces import admin_stage as stage

pytestmark = pytest.mark.usefixtures("engine_db")
HOOKS = "/admin/aetheris_jobs/webhook/"
URL = "https://hooks.example.com/a-secret-path"


@pytest.fixture(autouse=True)
def _on(settings: Any) -> None:
    switch_on(settings)


def hook() -> Webhook:
    return webhooks.add_webhook({"url": URL, "name": "chat"}, system()).row


def test_one_is_added_and_its_secret_shown_once() -> None:
    browser = stage.browser(stage.person("manage_webhook"))
    told = {"url": URL, "name": "new one", "events": ["approval.asked"]}
    page = stage.post(browser, f"{HOOKS}add/", told).content.decode()
    found = re.search(r"whsec_[A-Za-z0-9+/=]+", page)
    assert found
    row = Webhook.objects.get(name="new one")
    shown = browser.get(f"{HOOKS}{row.pk}/change/").content.decode()
    assert URL in shown
    assert found[0] not in shown


def test_what_cannot_be_called_is_said_at_its_field() -> None:
    browser = stage.browser(stage.person("manage_webhook"))
    page = stage.post(
        browser, f"{HOOKS}add/", {"url": "https://169.254.169.254/", "name": ""}
    ).content.decode()
    assert "it leads to an address that is not public" in page
    assert not Webhook.objects.filter(name="", created_by="nobody").exists()


def test_one_is_tested_switched_and_rotated() -> None:
    row, browser = hook(), stage.browser(stage.person("manage_webhook"))
    page = f"{HOOKS}{row.pk}/change/"
    stage.post(browser, f"{HOOKS}{row.pk}/test/", {}, page=page)
    assert Job.objects.filter(agent="aetheris.notify", goal__contains=str(row.pk)).exists()
    stage.post(browser, f"{HOOKS}{row.pk}/switch/", {"enabled": "false"}, page=page)
    row.refresh_from_db()
    assert row.enabled is False
    said = stage.post(browser, f"{HOOKS}{row.pk}/rotate/", {"hours": "1"}).content.decode()
    assert "whsec_" in said
    row.refresh_from_db()
    assert webhooks.living(row) == 2


def test_who_may_only_look_sees_no_path_and_changes_nothing() -> None:
    row, browser = hook(), stage.browser(stage.person("view_webhook"))
    page = browser.get(f"{HOOKS}{row.pk}/change/").content.decode()
    assert "hooks.example.com" in page
    assert "a-secret-path" not in page
    assert "a-secret-path" not in browser.get(HOOKS).content.decode()
    for verb in ("test", "switch", "rotate"):
        assert stage.post(browser, f"{HOOKS}{row.pk}/{verb}/", {}, page=HOOKS).status_code == 403
    assert browser.get(f"{HOOKS}add/").status_code == 403


def test_without_any_permission_they_are_not_there() -> None:
    row, browser = hook(), stage.browser(stage.person("view_job"))
    assert browser.get(HOOKS).status_code == 403
    assert browser.get(f"{HOOKS}{row.pk}/change/").status_code in (403, 404)
