"""A job's evidence in the admin: reached from its page, who and why of each effect, the picture; and on record."""

from __future__ import annotations

from uuid import uuid4

import pytest
from django.urls import reverse

from examples.loan import loan
from forensics.models import Access
from jobs import approve, submit
from jobs.admin.jobs import JobAdmin
from jobs.models import Job
from jobs.testing import in_this_process, run_until_parked
from tests.engine.driving import a_word
from tests.faces import admin_stage as stage
from tests.factories import a_tenant, person
from tests.forensics.families import family

pytestmark = pytest.mark.usefixtures("engine_db")


@pytest.fixture
def job(tmp_path: object, monkeypatch: pytest.MonkeyPatch) -> str:
    """A loan that was approved, of the tenant that the admin shows; the name of its clerk would break a page."""
    from jobs import clock

    monkeypatch.setattr(clock, "_shift", 0.0)
    monkeypatch.setenv("AETHERIS_LOAN_BOOK", f"{tmp_path}/payouts.jsonl")
    with in_this_process(seconds=1e7):
        made = str(submit(loan.__name__, {"application_id": "L-2001"}, actor=person('<script>"clerk"&')))
        run_until_parked(made)
        approve(made, actor=person("officer"))
        run_until_parked(made)
    return made


def _page(job: object) -> str:
    return reverse("admin:aetheris_forensics_evidence", args=[job])


def test_the_page_shows_who_and_why_and_the_picture(job: str) -> None:
    browser = stage.browser(stage.person("view_job"))
    assert _page(job) in browser.get(reverse("admin:aetheris_jobs_job_change", args=[job])).content.decode()
    before = Access.objects.filter(question="admin-evidence", job_id=job).count()
    page = browser.get(_page(job)).content.decode()
    for told in ("pay_out", "officer: approve", "loan-assessor-1-2026-01", "affordability", "<svg"):
        assert told in page, told
    assert '<script>"clerk"' not in page
    assert "&lt;script&gt;" in page
    assert "<style" not in page.partition("<svg")[2]  # the policy of the site forbids it
    assert Access.objects.filter(question="admin-evidence", job_id=job).count() == before + 1


def test_nobody_sees_it_without_the_permission_or_of_another_tenant(job: str) -> None:
    assert stage.browser(stage.person("view_forensics")).get(_page(job)).status_code == 403
    assert stage.browser(stage.person("view_job")).get(_page(uuid4())).status_code == 404
    elsewhere = stage.job(stage.waiting("go"), actor=person(tenant=a_tenant()))
    assert stage.browser(stage.person("view_job")).get(_page(elsewhere)).status_code == 404


def test_a_job_that_has_done_nothing_yet_has_a_page() -> None:
    browser = stage.browser(stage.person("view_job"))
    fresh = stage.job(stage.waiting("go"))
    assert "Nothing has been called yet" in browser.get(_page(fresh)).content.decode()
    assert Job.objects.filter(id=fresh).exists()


def test_the_page_leads_on_to_other_jobs_and_names_those_that_are_not_for_this_user(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with in_this_process(seconds=1e7):
        job, child = family("default", a_word())
    browser = stage.browser(stage.person("view_job"))
    page = browser.get(_page(job)).content.decode()
    assert _page(child) in page
    assert "child: step/child came of output" in page
    back = browser.get(_page(child)).content.decode()
    assert _page(job) in back
    assert "child: request came of step/child" in back
    monkeypatch.setattr(
        JobAdmin, "has_view_permission", lambda self, request, obj=None: obj is None or str(obj.id) != child
    )
    page = browser.get(_page(job)).content.decode()
    assert _page(child) not in page
    assert child in page
    assert "withheld" in page
