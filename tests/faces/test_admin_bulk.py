"""Many jobs at once in the admin: the inbox of trouble, the drill-down by date, and verbs with a page between."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest

from jobs import clock, services
from jobs.models import Job
from tests.faces import admin_stage as stage
from tests.factories import a_job, person

pytestmark = pytest.mark.usefixtures("engine_db")
JOBS = "/admin/aetheris_jobs/job/"


def jobs_of(count: int) -> tuple[str, list[str]]:
    """Jobs of an agent of their own."""
    agent = f"bulk-{uuid4().hex[:8]}"
    return agent, [a_job(agent=agent) for _ in range(count)]


def ask(browser: Any, action: str, ids: list[str], **more: str) -> Any:
    return stage.post(browser, JOBS, {"action": action, "_selected_action": ids, **more})


def statuses(ids: list[str]) -> set[str]:
    return set(Job.objects.filter(id__in=ids).values_list("status", flat=True))


def test_the_page_between_names_the_jobs_and_does_nothing_yet() -> None:
    _, ids = jobs_of(2)
    page = ask(stage.browser(stage.operator()), "cancel", ids).content.decode()
    assert "This cannot be undone" in page
    assert all(f"{JOBS}{each}/change/" in page for each in ids)
    assert statuses(ids) == {"pending"}


def test_the_verb_reaches_every_chosen_job_and_a_refusal_stops_no_other() -> None:
    _, ids = jobs_of(3)
    services.cancel(ids[0], actor=person())
    page = ask(stage.browser(stage.operator()), "pause", ids, sure="yes", reason="lunch").content.decode()
    assert "Pause: asked of 2 jobs." in page
    assert ids[0] in page, "the refusal names its job"
    assert statuses(ids[1:]) == {"paused"}
    assert statuses(ids[:1]) == {"cancelled"}


def test_who_may_not_control_jobs_is_offered_no_verb() -> None:
    _, ids = jobs_of(1)
    browser = stage.browser(stage.person("view_job"))
    assert 'name="action"' not in browser.get(JOBS).content.decode()
    ask(browser, "cancel", ids, sure="yes", reason="")
    assert statuses(ids) == {"pending"}


def test_the_inbox_of_trouble_has_the_failed_ones_only() -> None:
    agent, ids = jobs_of(2)
    services.cancel(ids[1], actor=person())
    Job.objects.filter(id=ids[0]).update(status="failed")
    try:
        page = stage.browser(stage.operator()).get(f"{JOBS}?inbox=trouble&q={agent}").content.decode()
        assert f"{JOBS}{ids[0]}/change/" in page
        assert f"{JOBS}{ids[1]}/change/" not in page
    finally:
        Job.objects.filter(id=ids[0]).update(status="pending")


@pytest.mark.parametrize("form", ["%Y", "%Y-%m", "%Y-%m-%d"])
def test_the_drill_down_leads_from_the_year_to_the_day(form: str) -> None:
    agent, ids = jobs_of(1)
    now = clock.now()
    browser = stage.browser(stage.operator())
    page = browser.get(f"{JOBS}?created={now.strftime(form)}&q={agent}").content.decode()
    assert f"{JOBS}{ids[0]}/change/" in page
    assert f"created={now:%Y}-{'01' if form == '%Y' else f'{now:%m}'}" in page, "and on"
    other = browser.get(f"{JOBS}?created=1999&q={agent}").content.decode()
    assert f"{JOBS}{ids[0]}/change/" not in other


@pytest.mark.parametrize("text", ["x", "2026-13", "2026-02-31", "0000", "9999"])
def test_a_date_that_is_none_breaks_no_page(text: str) -> None:
    assert stage.browser(stage.operator()).get(f"{JOBS}?created={text}").status_code == 200
