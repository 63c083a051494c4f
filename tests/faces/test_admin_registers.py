"""Workers, definitions, deliveries and tokens in the admin."""

from __future__ import annotations

import json
from datetime import timedelta
from uuid import uuid4

import pytest

from jobs import clock, tokens
from jobs.core.commands import Actor
from jobs.models import Definition, Delivery, Step, Token, Worker
from tests.faces import admin_stage as stage

pytestmark = pytest.mark.usefixtures("engine_db")
HERE = "/admin/aetheris_jobs/"


def test_the_list_of_workers_shows_the_living_and_on_demand_the_dead() -> None:
    alive, dead = stage.worker(), stage.worker()
    Worker.objects.filter(pk=dead).update(dead=True)
    browser = stage.browser(stage.operator())
    listed = browser.get(f"{HERE}worker/").content.decode()
    assert alive in listed
    assert dead not in listed
    assert dead in browser.get(f"{HERE}worker/?life=dead").content.decode()


def test_a_worker_that_has_fallen_silent_is_not_called_alive() -> None:
    worker = stage.worker()
    Worker.objects.filter(pk=worker).update(alive_until=clock.now() - timedelta(seconds=9))
    assert "silent" in stage.browser(stage.operator()).get(f"{HERE}worker/{worker}/change/").content.decode()


def test_the_page_of_a_worker_shows_its_running_steps_of_this_tenant_only() -> None:
    mine, theirs = (
        stage.job(stage.waiting("a")),
        stage.job(stage.waiting("b"), actor=Actor("x", tenant="stranger")),
    )
    worker = stage.worker()
    rows = Step.objects.filter(job_id__in=[mine, theirs])
    assert rows.update(state="running", worker=worker) == 2
    page = stage.browser(stage.operator()).get(f"{HERE}worker/{worker}/change/").content.decode()
    rows.update(state="parked", worker=None)
    assert mine in page
    assert theirs not in page


def test_a_definition_shows_its_schema() -> None:
    row = Definition.objects.create(
        kind="agent", name=f"a{uuid4().hex[:8]}", version="1", schema='{"type":"object"}', seen_at=clock.now()
    )
    page = stage.browser(stage.operator()).get(f"{HERE}definition/{row.pk}/change/").content.decode()
    assert "&quot;type&quot;: &quot;object&quot;" in page
    Definition.objects.filter(pk=row.pk).delete()


def test_a_delivery_shows_what_is_owed_to_whom_and_only_in_its_tenant() -> None:
    row = Delivery(
        id=uuid4(), job_id=uuid4(), command="signal", body=json.dumps({"n": 1}), created_at=clock.now()
    )
    row.save()
    browser = stage.browser(stage.operator())
    try:
        assert str(row.job_id) in browser.get(f"{HERE}delivery/").content.decode()
        page = browser.get(f"{HERE}delivery/{row.pk}/change/")
        assert "&quot;n&quot;: 1" in page.content.decode()
        Delivery.objects.filter(pk=row.pk).update(tenant="stranger")
        assert browser.get(f"{HERE}delivery/{row.pk}/change/").status_code == 404
    finally:
        row.delete()


def test_a_token_is_shown_once_and_works() -> None:
    user = stage.person()
    browser = stage.browser(user)
    page = stage.post(browser, f"{HERE}token/add/", {"name": "laptop", "days": "7"})
    text = page.context["minted"].text
    assert text in page.content.decode()
    assert "no-store" in page.headers["Cache-Control"]
    found = tokens.verify(text)
    assert found is not None
    assert found.user_id == user.pk
    assert found.expires_at is not None
    for url in (f"{HERE}token/", f"{HERE}token/{found.pk}/change/"):
        again = browser.get(url).content.decode()
        assert text not in again
        assert found.prefix in again


def test_a_token_is_revoked_after_a_question() -> None:
    user = stage.person()
    browser = stage.browser(user)
    minted = tokens.create(user, tenant="default", name="old")
    url = f"{HERE}token/{minted.id}/revoke/"
    assert "stops working at once" in browser.get(url).content.decode()
    assert tokens.verify(minted.text) is not None
    assert "is revoked" in stage.post(browser, url, {}).content.decode()
    assert tokens.verify(minted.text) is None


def test_nobody_sees_or_ends_anothers_token() -> None:
    owner, other = stage.person(), stage.person()
    minted = tokens.create(owner, tenant="default")
    browser = stage.browser(other)
    assert minted.prefix not in browser.get(f"{HERE}token/").content.decode()
    for url in ("change", "revoke"):
        assert browser.get(f"{HERE}token/{minted.id}/{url}/").status_code == 404
    looking = stage.browser(stage.person("view_token"))
    assert looking.get(f"{HERE}token/{minted.id}/change/").status_code == 200
    assert looking.get(f"{HERE}token/{minted.id}/revoke/").status_code == 403
    assert tokens.verify(minted.text) is not None


def test_only_a_superuser_makes_a_token_for_somebody_else() -> None:
    owner, other, root = stage.person(), stage.person(), stage.person()
    root.is_superuser = True
    root.save()
    told = {"name": "robot", "days": "", "user": owner.username}
    stage.post(stage.browser(other), f"{HERE}token/add/", told)
    assert Token.objects.get(user=other).name == "robot"
    stage.post(stage.browser(root), f"{HERE}token/add/", told)
    assert Token.objects.get(user=owner).expires_at is None
    wrong = stage.post(stage.browser(root), f"{HERE}token/add/", {**told, "user": "nobody-here"})
    assert "There is no user nobody-here" in wrong.content.decode()
