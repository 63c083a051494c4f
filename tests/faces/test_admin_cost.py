"""What a page of the admin costs does not grow with what it shows; and no page breaks the strict policy."""

from __future__ import annotations

import re
from datetime import UTC
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from jobs import store, tokens
from jobs.models import Job
from tests.faces import admin_stage as stage

pytestmark = pytest.mark.usefixtures("engine_db")
ALL = (*stage.OPERATOR, "view_approval", "view_token")
INLINE = re.compile(r"<script(?![^>]*\ssrc=)|<style|\sstyle=|\son[a-z]+=", re.IGNORECASE)


def _queries(browser: Any, url: str) -> int:
    browser.get(url)  # whatever is remembered is remembered now
    with CaptureQueriesContext(connection) as caught:
        answer = browser.get(url)
    assert answer.status_code == 200, url
    return len(caught)


def _plain(user: Any, group: str) -> list[str]:
    """The addresses of one small thing of each kind."""
    job = stage.job(stage.asking(groups=[group]), stage.paying())
    _, line = stage.unknown_call()
    token = tokens.create(user, tenant="default")
    return [
        f"aetheris_jobs/job/{job}/change/",
        f"aetheris_jobs/job/{job}/events/2/",
        f"aetheris_jobs/approval/{stage.approval_of(job)}/change/",
        f"aetheris_ledger/invocation/{line}/change/",
        f"aetheris_jobs/worker/{stage.worker()}/change/",
        f"aetheris_jobs/token/{token.id}/change/",
    ]


LISTS = (
    "aetheris_jobs/job/", "aetheris_jobs/approval/", "aetheris_jobs/approval/?inbox=all",
    "aetheris_ledger/invocation/", "aetheris_jobs/worker/", "aetheris_jobs/definition/",
    "aetheris_jobs/delivery/", "aetheris_jobs/token/",
)  # fmt: skip


def _more(user: Any, group: str) -> None:
    for _ in range(5):
        stage.job(stage.asking(groups=[group]), stage.paying(), stage.waiting())
        stage.unknown_call()
        stage.worker()
        tokens.create(user, tenant="default")


def test_a_list_costs_the_same_number_of_queries_however_long_it_is() -> None:
    group = stage.person().username
    user = stage.person(*ALL, group=group)
    browser = stage.browser(user)
    _more(user, group)
    before = {url: _queries(browser, f"/admin/{url}") for url in LISTS}
    _more(user, group)
    assert {url: _queries(browser, f"/admin/{url}") for url in LISTS} == before
    assert max(before.values()) <= 14, before


def test_the_page_of_a_job_costs_the_same_number_of_queries_however_much_happened() -> None:
    user = stage.person(*ALL)
    browser = stage.browser(user)
    small = stage.job(stage.asking(), stage.paying())
    waits = [stage.waiting(f"w{n}") for n in range(20)]
    large = stage.job(stage.asking(), stage.paying(), *waits)
    for turn in range(150):
        store.commit(large, *stage.letters(turn))
    counted = [_queries(browser, f"/admin/aetheris_jobs/job/{job}/change/") for job in (small, large)]
    assert counted[0] == counted[1] <= 22  # four of them write the access log


def test_a_page_counts_rows_no_further_than_people_leaf() -> None:
    browser = stage.browser(stage.person(*ALL))
    with CaptureQueriesContext(connection) as caught:
        browser.get("/admin/aetheris_jobs/job/")
    counts = [each["sql"] for each in caught if "COUNT(" in each["sql"]]
    assert counts
    assert all("LIMIT 1000" in sql for sql in counts), counts


def test_no_page_holds_an_inline_script_or_style() -> None:
    group = stage.person().username
    user = stage.person(*ALL, group=group)
    browser = stage.browser(user)
    pages = [*LISTS, *_plain(user, group), "aetheris_jobs/token/add/"]
    job = stage.job(stage.waiting("go"))
    pages += [f"aetheris_jobs/job/{job}/do/{verb}/" for verb in ("signal", "message", "pause", "cancel")]
    pages += ["", "aetheris_jobs/", "aetheris_ledger/"]
    for url in pages:
        answer = browser.get(f"/admin/{url}")
        assert answer.status_code == 200, url
        assert answer.headers["Content-Security-Policy"]
        assert not (found := INLINE.search(answer.content.decode())), (url, found)


def test_times_are_shown_in_utc_whatever_zone_the_project_has(settings: Any) -> None:
    settings.TIME_ZONE = "America/New_York"
    job = stage.job(stage.waiting("go"))
    page = stage.browser(stage.operator()).get(f"/admin/aetheris_jobs/job/{job}/change/").content.decode()
    created = Job.objects.get(pk=job).created_at
    assert created.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC") in page
    assert "a.m." not in page
    assert "p.m." not in page
