"""The access log: management commands and pages of the admin are accesses too."""

from __future__ import annotations

import pytest

from forensics import access
from forensics.models import Access
from jobs.core.errors import NotFound, Unrecorded
from tests.faces import admin_stage as stage
from tests.forensics.accessing import a_look, a_tenant, break_the_pen, entries

pytestmark = pytest.mark.usefixtures("engine_db")


@pytest.fixture
def _no_pen(monkeypatch: pytest.MonkeyPatch) -> None:
    break_the_pen(monkeypatch)


# --- management commands -------------------------------------------------------------------------------


def test_a_management_command_is_an_access_by_the_user_of_the_machine() -> None:
    tenant, job = a_tenant(), stage.new_uuid()
    with access.recorded("verify", "aetheris_verify", tenant=tenant, job=job):
        assert len(entries(tenant)) == 1  # before it begins
    [entry] = entries(tenant)
    assert entry["who"]["kind"] == "os"
    assert entry["who"]["name"].startswith("os:")
    assert (entry["action"], entry["job"], entry["outcome"]) == ("verify", job, "granted")


def test_a_command_that_is_refused_or_fails_says_so() -> None:
    tenant = a_tenant()
    with pytest.raises(NotFound), access.recorded("export", "aetheris_export", tenant=tenant):
        raise NotFound("no such job")
    with pytest.raises(ZeroDivisionError), access.recorded("export", "aetheris_export", tenant=tenant):
        raise ZeroDivisionError
    assert [each["outcome"] for each in entries(tenant)] == ["granted", "refused", "granted", "failed"]


@pytest.mark.usefixtures("_no_pen")
def test_a_command_that_cannot_be_recorded_does_not_begin() -> None:
    begun = []
    with pytest.raises(Unrecorded), access.recorded("export", "aetheris_export", tenant=a_tenant()):
        begun.append(1)
    assert begun == []


# --- the admin -----------------------------------------------------------------------------------------


def test_pages_of_the_admin_are_looks_too() -> None:
    user = stage.person(*stage.OPERATOR, "view_forensics")
    browser, job = stage.browser(user), stage.job(stage.waiting("go"))
    for page, status in (
        (f"/admin/aetheris_jobs/job/{job}/change/", 200),
        (f"/admin/aetheris_jobs/job/{job}/events/1/", 200),
        (f"/admin/aetheris_jobs/job/{job}/events/99/", 404),
        (f"/admin/aetheris_jobs/job/{job}/text/goal/", 200),
        ("/admin/aetheris_forensics/access/", 200),
    ):
        assert browser.get(page).status_code == status, page
    mine = Access.objects.filter(user=str(user.pk)).order_by("seq")
    assert [(each.question, each.outcome, str(each.job_id)) for each in mine] == [
        ("admin-job", "granted", job), ("admin-event", "granted", job), ("admin-event", "refused", job),
        ("admin-text", "granted", job), ("admin-access", "granted", "None"),
    ]  # fmt: skip


def test_the_admins_list_of_accesses_takes_the_permission_and_shows_an_entry() -> None:
    user = stage.person(*stage.OPERATOR)
    assert stage.browser(user).get("/admin/aetheris_forensics/access/").status_code == 403
    auditor = stage.browser(stage.person("view_forensics"))
    entry = access.append(a_look("default", target="<b>"))
    page = auditor.get(f"/admin/aetheris_forensics/access/{entry.pk}/change/")
    assert page.status_code == 200
    assert "&lt;b&gt;" in page.content.decode()
    listed = auditor.get(
        "/admin/aetheris_forensics/access/?outcome=granted&action=view&q=ann"
    ).content.decode()
    assert "ann" in listed


@pytest.mark.usefixtures("_no_pen")
def test_a_page_of_the_access_log_that_cannot_be_recorded_is_not_shown() -> None:
    auditor = stage.browser(stage.person("view_forensics"))
    assert auditor.get("/admin/aetheris_forensics/access/").status_code == 503
