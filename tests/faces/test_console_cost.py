"""What a page of the console costs does not grow with what there is; and who opened which page stands in the access log."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext

from forensics.models import Access
from jobs import clock, store
from jobs.models import Approval, Event, Job, Worker
from ledger.models import Invocation
from tests.faces import admin_stage as stage

pytestmark = pytest.mark.usefixtures("engine_db")
LISTS = (
    "/",
    "/jobs",
    "/jobs?status=parked",
    "/jobs?agent=stage",
    "/approvals",
    "/approvals?box=open",
    "/approvals?box=closed",
)


def _cost(browser: Client, url: str) -> int:
    browser.get(url)  # whatever is remembered is remembered now
    with CaptureQueriesContext(connection) as caught:
        answer = browser.get(url)
    assert answer.status_code == 200, url
    return len(caught)


def _copies(row: Any, number: int, **more: Any) -> None:
    """Rows like this one, written by no command: only for counting queries."""
    names = [field.attname for field in row._meta.concrete_fields]
    made = []
    for _ in range(number):
        values = {name: getattr(row, name) for name in names}
        made.append(type(row)(**{**values, "id": uuid4(), **{key: make() for key, make in more.items()}}))
    type(row).objects.bulk_create(made)


Base = tuple[Job, Approval, Invocation, Worker]


def _base(group: str) -> Base:
    job = stage.job(stage.asking(groups=[group]), stage.paying(), stage.waiting())
    _, line = stage.unknown_call()
    worker = Worker.objects.get(pk=stage.worker())
    return Job.objects.get(pk=job), Approval.objects.get(job_id=job), Invocation.objects.get(pk=line), worker


def _crowd(base: Base, number: int) -> None:
    job, approval, line, worker = base
    _copies(job, number, origin=uuid4)
    _copies(approval, number, job_id=uuid4)
    _copies(approval, number, job_id=uuid4, state=lambda: "approved", decided_at=clock.now)
    _copies(line, number, idempotency_key=lambda: uuid4().hex, business_key=lambda: uuid4().hex, job_id=uuid4)
    _copies(worker, number, alive_until=lambda: clock.now() + timedelta(hours=1))


def test_no_list_costs_more_queries_with_a_thousand_rows_than_with_ten() -> None:
    group = stage.person().username
    browser = stage.browser(stage.person(*stage.OPERATOR, group=group))
    base = _base(group)
    with transaction.atomic():  # taken back: these rows have no history
        _crowd(base, 10)
        few = {url: _cost(browser, url) for url in LISTS}
        _crowd(base, 1_000)
        many = {url: _cost(browser, url) for url in LISTS}
        pages = {url: len(browser.get(url).content) for url in LISTS}
        transaction.set_rollback(True)
    assert few == many
    assert many.pop("/") <= 50, many
    assert max(many.values()) <= 18, many
    assert max(pages.values()) < 120_000, pages


def test_the_page_of_a_job_costs_the_same_number_of_queries_however_much_happened() -> None:
    browser = stage.browser(stage.person(*stage.OPERATOR))
    small = stage.job(stage.asking(), stage.paying(), stage.waiting("go"))
    large = stage.job(stage.asking(), stage.paying(), *(stage.waiting(f"w{number}") for number in range(60)))
    for turn in range(500):
        store.commit(large, *stage.letters(turn))
    assert Job.objects.get(pk=large).head_seq > 1_000
    counted = [_cost(browser, f"/jobs/{job}") for job in (small, large)]
    assert counted[0] == counted[1] <= 34  # four of them write the access log
    steps = [_cost(browser, f"/jobs/{job}/nodes/ask") for job in (small, large)]
    assert steps[0] == steps[1] <= 24


def test_a_very_long_job_is_read_no_further_than_its_page_says(monkeypatch: pytest.MonkeyPatch) -> None:
    from jobs.console import nodes, reading

    job = stage.job(stage.asking(), stage.paying())
    for turn in range(20):
        store.commit(job, *stage.letters(turn))
    monkeypatch.setattr(reading, "EVENTS", 30)
    monkeypatch.setattr(nodes, "FOLDED", 30)
    browser = stage.browser(stage.person())
    page = browser.get(f"/jobs/{job}").content.decode()
    unread = Job.objects.get(pk=job).head_seq - 30
    assert f"the oldest {unread} were not read" in page
    assert 'class="step is-parked"' in page  # the agenda knows
    assert 'class="step is-earlier"' in page
    step = browser.get(f"/jobs/{job}/nodes/ask").content.decode()
    assert "only what the newest ones say" in step
    assert "approval_requested" in step


def _looks(user: Any, job: str) -> list[tuple[str, str]]:
    rows = Access.objects.filter(tenant="default", job_id=job, user=str(user.pk)).order_by("seq")
    return [(row.question, row.outcome) for row in rows]


def test_who_opens_a_page_of_a_job_stands_in_the_access_log_and_its_refreshes_are_the_same_look() -> None:
    job = stage.job(stage.asking(), stage.waiting("go"))
    user = stage.person()
    browser = stage.browser(user)
    page = browser.get(f"/jobs/{job}").content.decode()
    browser.get(f"/jobs/{job}/nodes/ask")
    browser.get(f"/jobs/{job}/events/2")
    browser.get(f"/jobs/{job}/nodes/other")
    assert _looks(user, job) == [
        ("console-job", "granted"), ("console-node", "granted"), ("console-event", "granted"), ("console-node", "refused"),
    ]  # fmt: skip
    told = re.search(r'data-pass="([^"]+)"', page)
    assert told
    live = {"X-Console-Live": told[1]}
    assert browser.get(f"/jobs/{job}", headers=live).status_code == 200
    assert len(_looks(user, job)) == 4
    other = stage.job(stage.waiting("go"))
    browser.get(f"/jobs/{other}", headers=live)  # the pass is for one job
    assert len(_looks(user, other)) == 1
    stranger = stage.person()  # and for one person
    stage.browser(stranger).get(f"/jobs/{job}", headers=live)
    assert len(_looks(stranger, job)) == 1
    browser.get(f"/jobs/{job}", headers={"X-Console-Live": told[1][:-1]})
    assert len(_looks(user, job)) == 5
    assert Event.objects.filter(job_id=job).exists()
