"""Asking for a job on the console: agents that are offered, a goal as fields or JSON, a double click that asks once."""

from __future__ import annotations

import json
import re
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client

from jobs import clock
from jobs.models import Definition, Job
from tests.faces import admin_stage as stage

pytestmark = pytest.mark.usefixtures("engine_db")
FLAT = {
    "type": "object",
    "properties": {"order_id": {"type": "string", "minLength": 1}},
    "required": ["order_id"],
}


def _agent(goal: dict[str, Any], **more: Any) -> str:
    name = f"started-{uuid4().hex[:8]}"
    schema = {"type": "object", "properties": {"goal": goal}, "required": ["goal"], **more}
    Definition.objects.create(
        kind="agent", name=name, version="1", form="planner", schema=json.dumps(schema), seen_at=clock.now(),
        description="Does what it says.",
    )  # fmt: skip
    return name


def _jobs(agent: str) -> list[Job]:
    return list(Job.objects.filter(agent=agent))


def _filled(browser: Client, agent: str, **told: str) -> Any:
    page = browser.get(f"/start/{agent}").content.decode()
    key = re.search(r'name="key" value="([^"]+)"', page)
    assert key
    sent = {**told, "key": key[1], "csrfmiddlewaretoken": browser.cookies["csrftoken"].value}
    answers = [browser.post(f"/start/{agent}", sent, follow=True) for _ in range(2)]
    return answers[0]


@pytest.mark.parametrize("goal", [FLAT, {"$ref": "#/$defs/Goal"}])
def test_a_flat_goal_is_filled_in_as_fields_and_a_double_click_asks_once(goal: dict[str, Any]) -> None:
    agent = _agent(goal, **({"$defs": {"Goal": FLAT}} if "$ref" in goal else {}))
    user = stage.person("submit_job", staff=False)
    browser = stage.browser(user)
    assert f'href="/start/{agent}"' in browser.get("/start").content.decode()
    page = _filled(browser, agent, **{"form.order_id": "A-1"})
    [job] = _jobs(agent)
    assert json.loads(job.goal) == {"order_id": "A-1"}
    assert job.requester_name == user.username
    assert f"Asked: {agent} has begun." in page.content.decode()
    assert str(job.id) in page.content.decode()


def test_any_other_goal_is_given_as_json_and_refused_where_it_does_not_fit() -> None:
    agent = _agent({"type": "array", "items": {"type": "integer"}})
    browser = stage.browser(stage.person("submit_job"))
    assert "This is not JSON" in _filled(browser, agent, goal="[1").content.decode()
    answer = _filled(browser, agent, goal='["x"]')
    assert "does not fit agent" in answer.content.decode()
    assert answer.status_code == 422
    assert not _jobs(agent)
    _filled(browser, agent, goal="[1, 2]")
    assert json.loads(_jobs(agent)[0].goal) == [1, 2]


def test_who_may_not_submit_is_told_so_and_sees_no_way_there() -> None:
    agent = _agent(FLAT)
    browser = stage.browser(stage.person(staff=False))
    assert "Start a job" not in browser.get("/").content.decode()
    for url in ("/start", f"/start/{agent}"):
        answer = browser.get(url)
        assert answer.status_code == 403
        assert "May submit jobs" in answer.content.decode()


def test_an_agent_that_nobody_offers_is_not_found() -> None:
    assert stage.browser(stage.person("submit_job")).get("/start/nobody-offers-this").status_code == 404
