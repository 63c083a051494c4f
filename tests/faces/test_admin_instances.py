"""Agent instances in the admin: how each stands, what it keeps, and its jobs."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from jobs import create_agent, delete_agent, message_agent
from jobs.core.commands import Actor
from tests.agents import desks  # noqa: F401 - registers the toy agents
from tests.faces import admin_stage as stage

pytestmark = pytest.mark.usefixtures("engine_db")
HERE = "/admin/aetheris_jobs/agentinstance/"
VIEW = (*stage.OPERATOR, "view_agentinstance")


def a_desk(*, tenant: str = "default", messages: int = 2, **more: Any) -> tuple[str, list[str]]:
    who = Actor(id="boss", name="Boss", tenant=tenant, superuser=True)
    desk = create_agent("desk", actor=who, **more)
    return str(desk), [str(message_agent(desk, {"word": "hello"}, actor=who)) for _ in range(messages)]


def test_the_list_shows_the_living_of_this_tenant_with_status_and_line() -> None:
    desk, jobs = a_desk(name=f"desk-{uuid4().hex[:8]}")
    gone, _ = a_desk(messages=0)
    delete_agent(gone)
    theirs, _ = a_desk(tenant="stranger")
    browser = stage.browser(stage.person(*VIEW))
    listed = browser.get(HERE).content.decode()
    assert desk in listed
    assert jobs[0] in listed
    assert "aetheris-busy" in listed
    assert gone not in listed
    assert theirs not in listed
    assert gone in browser.get(f"{HERE}?life=all").content.decode()


def test_the_page_of_an_instance_shows_what_it_keeps_and_links_its_jobs() -> None:
    desk, jobs = a_desk(state={"heard": ["before"]})
    browser = stage.browser(stage.person(*VIEW))
    page = browser.get(f"{HERE}{desk}/change/").content.decode()
    assert "before" in page
    for job in jobs:
        assert f"/admin/aetheris_jobs/job/{job}/change/" in page
    assert "<input" not in page.partition("content-main")[2].partition("</form>")[0]


def test_the_page_of_a_waiting_job_leads_to_its_instance() -> None:
    desk, (_, second) = a_desk()
    page = (
        stage.browser(stage.person(*VIEW)).get(f"/admin/aetheris_jobs/job/{second}/change/").content.decode()
    )
    assert page.count(f"{HERE}{desk}/change/") == 2  # as a fact, and as what it waits for
    assert "its turn at agent instance" in page


def test_another_tenants_instance_is_not_there_and_without_permission_none_is() -> None:
    theirs, _ = a_desk(tenant="stranger")
    mine, _ = a_desk()
    assert stage.browser(stage.person(*VIEW)).get(f"{HERE}{theirs}/change/").status_code == 404
    assert stage.browser(stage.operator()).get(f"{HERE}{mine}/change/").status_code in (403, 404)


def test_a_list_costs_the_same_number_of_queries_however_long_it_is() -> None:
    browser = stage.browser(stage.person(*VIEW))
    a_desk()

    def cost() -> int:
        browser.get(HERE)
        with CaptureQueriesContext(connection) as caught:
            assert browser.get(HERE).status_code == 200
        return len(caught)

    before = cost()
    for _ in range(5):
        a_desk()
    assert cost() == before
