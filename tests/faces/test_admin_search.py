"""Search and anomalies in the admin: the form, what it finds, kept searches, and who may."""

from __future__ import annotations

from uuid import uuid4

import pytest

from forensics.models import Access
from forensics.search import saved
from jobs import clock
from jobs.models import Event
from tests.faces import admin_stage as stage

pytestmark = pytest.mark.usefixtures("engine_db")
SEARCH = "/admin/aetheris_forensics/savedsearch/"


def test_it_takes_the_permission() -> None:
    browser = stage.browser(stage.person(*stage.OPERATOR))
    for page in (SEARCH, f"{SEARCH}anomalies/"):
        assert browser.get(page).status_code == 403


def test_the_form_finds_rows_and_leads_to_their_pages() -> None:
    user = stage.person(*stage.OPERATOR, "view_forensics", "view_approval")
    browser = stage.browser(user)
    assert "Found" not in browser.get(SEARCH).content.decode()
    job, invocation = stage.unknown_call()
    for query, leads in (
        (f"of=events&job={job}&type=outcome_unknown", f"/admin/aetheris_jobs/job/{job}/events/"),
        (f"of=jobs&job={job}", f"/admin/aetheris_jobs/job/{job}/change/"),
        (f"of=effects&job={job}&tool=pay*", f"/admin/aetheris_ledger/invocation/{invocation}/change/"),
    ):
        page = browser.get(f"{SEARCH}?{query}")
        assert page.status_code == 200
        assert leads in page.content.decode(), query
    entry = Access.objects.filter(user=str(user.pk)).latest("seq")
    assert (entry.action, entry.question) == ("search", "admin-search")


def test_pages_go_on_and_back() -> None:
    browser = stage.browser(stage.person(*stage.OPERATOR, "view_forensics"))
    job = stage.job(stage.waiting("go"))
    from jobs import store

    for turn in range(30):
        store.commit(job, *stage.letters(turn))
    assert Event.objects.filter(job_id=job, type="message_received").count() == 60
    first = browser.get(f"{SEARCH}?job={job}&type=message_received").content.decode()
    assert first.count("message_received</a>") == 50
    address = first.split('<a href="?')[-1].split('"')[0].replace("&amp;", "&")
    second = browser.get(f"{SEARCH}?{address}").content.decode()
    assert second.count("message_received</a>") == 10
    assert "Newer" in second


def test_a_question_that_cannot_be_meant_is_answered_with_why() -> None:
    browser = stage.browser(stage.person(*stage.OPERATOR, "view_forensics"))
    for query in ("since=soon", "of=all", "typ=x", "cursor=x&of=jobs", "type=%3Cb%3E"):
        page = browser.get(f"{SEARCH}?{query}")
        assert page.status_code == 200
        assert "errornote" in page.content.decode(), query
        assert "<b>" not in page.content.decode()


def test_kept_searches_are_offered() -> None:
    user, other = stage.person("view_forensics"), stage.person("view_forensics")
    name = f"kept {uuid4().hex}"
    saved.keep("default", (str(user.pk), "u"), name, {"of": "jobs", "tag": "a&b"})
    assert "tag=a%26b" in (page := stage.browser(user).get(SEARCH).content.decode())
    assert name in page
    assert name not in stage.browser(other).get(SEARCH).content.decode()


def test_anomalies_are_listed_with_what_is_not_known() -> None:
    job, _ = stage.unknown_call()
    clock.shift(7200)
    try:
        page = stage.browser(stage.person(*stage.OPERATOR, "view_forensics")).get(f"{SEARCH}anomalies/")
    finally:
        clock.shift(-7200)
    text = page.content.decode()
    assert page.status_code == 200
    assert job in text
    assert "broken_chain" in text
