"""Verifications in the admin: started after a page that says what happens, followed, cancelled; one job; what stands broken."""

from __future__ import annotations

import re
from typing import Any
from uuid import uuid4

import pytest

from forensics import inspection, tasks
from forensics.inspection import alarms
from forensics.models import Access, Verification
from jobs.models import Job
from jobs.services import cancel
from tests.faces import admin_stage as stage
from tests.forensics.accessing import a_tenant
from tests.forensics.verifying import ANN, jobs_of

pytestmark = pytest.mark.usefixtures("engine_db")
HERE = "/admin/aetheris_forensics/verification/"
ALARMS = "/admin/aetheris_forensics/alarm/"
MAY = ("view_job", "view_forensics", "verify")


@pytest.fixture(autouse=True)
def told(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    heard: list[str] = []
    monkeypatch.setattr(tasks, "tell_verification", heard.append)
    return heard


def a_row(**columns: Any) -> Verification:
    """A verification of the default tenant that is shown and not done."""
    row = inspection.ask("default", inspection.Scope(agent=f"nobody-{uuid4().hex[:8]}"), ANN)
    Verification.objects.filter(id=row.id).update(**columns)
    row.refresh_from_db()
    return row


def test_it_is_started_after_a_page_that_says_what_happens(told: list[str]) -> None:
    browser, agent = stage.browser(stage.person(*MAY)), f"nobody-{uuid4().hex[:8]}"
    assert f"{HERE}start/" in browser.get(HERE).content.decode()
    page = browser.get(f"{HERE}start/").content.decode()
    assert "takes no locks and repairs nothing" in page
    answer = stage.post(browser, f"{HERE}start/", {"since": "24h", "agent": agent})
    [row] = [each for each in Verification.objects.filter(source="admin") if agent in each.scope]
    assert told == [str(row.id)]
    assert answer.redirect_chain[-1][0] == f"{HERE}{row.id}/change/"
    assert f"of agent {agent}" in answer.content.decode()
    listed = browser.get(f"{HERE}?state=queued").content.decode()
    assert str(row.id) in listed


@pytest.mark.parametrize(
    "wrong", [{"since": "yesterday"}, {"since": "1h", "until": "2h"}, {"status": "asleep"}]
)
def test_a_scope_that_is_none_is_refused_on_the_page(wrong: dict[str, str], told: list[str]) -> None:
    answer = stage.post(stage.browser(stage.person(*MAY)), f"{HERE}start/", wrong)
    assert "errorlist" in answer.content.decode()
    assert told == []


def test_a_page_shows_how_far_it_is_and_each_break_with_its_job(told: list[str]) -> None:
    browser, job = stage.browser(stage.person(*MAY)), stage.job(stage.waiting("go"))
    row = a_row(state="running", total=40, jobs=10, events=500, seconds=2.0)
    page = browser.get(f"{HERE}{row.id}/change/").content.decode()
    assert '<progress max="40" value="10">' in page
    assert "250 events a second" in page
    assert "Nothing broken so far" in page
    Job.objects.filter(id=job).update(outcome="forged")
    done = inspection.ask("default", inspection.Scope(since=_moment_of(job)), ANN)
    inspection.run(done.id, None)
    page = browser.get(f"{HERE}{done.id}/change/").content.decode()
    assert f"/admin/aetheris_jobs/job/{job}/change/" in page
    assert "aetheris_jobs_job · outcome" in page
    assert "<progress" not in page
    assert "broken record" in browser.get(HERE).content.decode()
    standing = browser.get(ALARMS).content.decode()
    assert f"/admin/aetheris_jobs/job/{job}/change/" in standing
    Job.objects.filter(id=job).update(outcome="")
    alarms.note("default", Job.objects.get(id=job).id, None, whole=True)
    assert f"/admin/aetheris_jobs/job/{job}/change/" not in browser.get(ALARMS).content.decode()
    assert f"/admin/aetheris_jobs/job/{job}/change/" in browser.get(f"{ALARMS}?alarm=all").content.decode()


def _moment_of(job: str) -> str:
    from jobs.core.moments import text

    return text(Job.objects.get(id=job).created_at)


def test_breaks_are_paged(monkeypatch: pytest.MonkeyPatch) -> None:
    from forensics.admin import verifications
    from forensics.models import Breakage
    from jobs import clock

    monkeypatch.setattr(verifications, "SHOWN", 2)
    row, browser = a_row(state="done"), stage.browser(stage.person(*MAY))
    for number in range(3):
        Breakage.objects.create(
            verification=row.id, kind="orphan", seq=0, message=f"number {number}", found_at=clock.now()
        )
    page = browser.get(f"{HERE}{row.id}/change/").content.decode()
    assert ("number 1" in page, "number 2" in page) == (True, False)
    more = re.search(r'href="(\?after=\d+)"', page)
    assert more is not None
    assert "number 2" in browser.get(f"{HERE}{row.id}/change/{more[1]}").content.decode()


def test_it_is_cancelled_by_a_button() -> None:
    browser, row = stage.browser(stage.person(*MAY)), a_row()
    page = f"{HERE}{row.id}/change/"
    assert f"{HERE}{row.id}/cancel/" in browser.get(page).content.decode()
    answer = stage.post(browser, f"{HERE}{row.id}/cancel/", {}, page=page)
    assert "Cancelled" in answer.content.decode()
    row.refresh_from_db()
    assert row.state == "cancelled"
    assert f"{HERE}{row.id}/cancel/" not in browser.get(page).content.decode()
    assert browser.get(f"{HERE}{row.id}/cancel/").status_code == 405


def test_the_verb_on_a_jobs_page_leads_to_the_answer() -> None:
    browser, job = stage.browser(stage.person(*MAY)), stage.job(stage.waiting("go"))
    verb = f"{HERE}job/{job}/"
    assert verb in browser.get(f"/admin/aetheris_jobs/job/{job}/change/").content.decode()
    assert "computed again" in browser.get(verb).content.decode()
    whole = stage.post(browser, verb, {}).content.decode()
    assert ">whole<" in whole
    assert Job.objects.get(id=job).head_hash in whole
    Job.objects.filter(id=job).update(status="completed")
    broken = stage.post(browser, verb, {}).content.decode()
    assert ">broken<" in broken
    assert f"aetheris_jobs_job · {job} · status" in broken
    Job.objects.filter(id=job).update(status="parked")
    stage.post(browser, verb, {})
    cancel(job, actor=stage.actor(stage.operator()))


def test_nothing_is_shown_or_done_without_its_permission() -> None:
    row, job = a_row(), stage.job(stage.waiting("go"))
    nobody, reader = (
        stage.browser(stage.person("view_job")),
        stage.browser(stage.person("view_job", "view_forensics")),
    )
    for page in (HERE, ALARMS, f"{HERE}start/"):
        assert nobody.get(page).status_code == 403, page
    assert nobody.get(f"{HERE}{row.id}/change/").status_code == 404
    assert nobody.get(f"{HERE}job/{job}/").status_code == 200  # who sees a job may verify it, as over HTTP
    assert reader.get(f"{HERE}start/").status_code == 403
    assert (
        stage.post(reader, f"{HERE}{row.id}/cancel/", {}, page=f"{HERE}{row.id}/change/").status_code == 403
    )
    page = reader.get(f"{HERE}{row.id}/change/").content.decode()
    assert "cancel/" not in page
    assert "start/" not in reader.get(HERE).content.decode()
    assert stage.browser(stage.person("view_forensics")).get(f"{HERE}job/{job}/").status_code == 403


def test_another_tenants_are_not_there() -> None:
    tenant = a_tenant()
    [job] = jobs_of(tenant, 1)
    row = inspection.ask(tenant, inspection.Scope(), ANN)
    browser = stage.browser(stage.person(*MAY))
    assert browser.get(f"{HERE}{row.id}/change/").status_code == 404
    assert browser.get(f"{HERE}job/{job}/").status_code == 404
    assert str(row.id) not in browser.get(HERE).content.decode()


def test_the_pages_have_nothing_inline_and_every_look_is_an_access() -> None:
    user, row = stage.person(*MAY), a_row()
    browser, job = stage.browser(user), stage.job(stage.waiting("go"))
    pages = (HERE, f"{HERE}{row.id}/change/", f"{HERE}start/", f"{HERE}job/{job}/", ALARMS)
    for page in pages:
        text = browser.get(page).content.decode()
        assert " style=" not in text, page
        assert " onclick=" not in text, page
        assert not re.search(r"<script(?![^>]*src=)[^>]*>\s*\S", text), page
    questions = Access.objects.filter(user=str(user.pk)).order_by("seq").values_list("question", flat=True)
    assert list(questions) == [
        "admin-verifications", "admin-verification", "admin-verification-start", "admin-verify-job", "admin-alarms",
    ]  # fmt: skip
