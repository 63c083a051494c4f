"""Two jobs compared on the console: aligned by step, line by line, looked at by those who may see both, on record for both."""

from __future__ import annotations

import pytest
from django.test import Client

from forensics.models import Access
from jobs import services, store
from jobs.core.commands import Actor, LoseLease, StartNode
from tests import factories
from tests.faces import admin_stage as stage

pytestmark = pytest.mark.usefixtures("engine_db")


def _page(browser: Client, url: str) -> str:
    answer = browser.get(url)
    assert answer.status_code == 200, (url, answer.status_code)
    return str(answer.content.decode())


def _paid(value: object) -> str:
    me = factories.a_worker()
    job = factories.a_planned_job(factories.one_tool(), me)
    store.commit(job, factories.told(factories.claim(job, me), value))
    return job


def test_what_differs_stands_line_by_line_under_its_step_and_the_rest_is_called_the_same() -> None:
    left, right = _paid({"paid": 5, "by": "card"}), _paid({"paid": 7, "by": "card"})
    browser = stage.browser(stage.operator())
    page = _page(browser, f"/jobs/{left}/compare/{right}")
    assert "-  &quot;paid&quot;: 5" in page
    assert "+  &quot;paid&quot;: 7" in page
    assert "1 of 2 differ" in page  # planning is the same
    assert f"/jobs/{right}/nodes/pay" in page
    assert f"aetheris trace {left}" in page
    assert "1 of 2 differ" in _page(browser, f"/jobs/{right}/compare/{left}")
    assert "0 of 2 differ" in _page(browser, f"/jobs/{left}/compare/{left}")


def test_steps_that_only_one_has_and_errors_of_attempts_are_shown() -> None:
    left, right = (
        stage.job(stage.waiting("go"), stage.asking()),
        stage.job(stage.waiting("other"), stage.asking()),
    )
    page = _page(stage.browser(stage.operator()), f"/jobs/{left}/compare/{right}")
    assert f"only in …{left[-12:]}" in page
    assert f"only in …{right[-12:]}" in page
    lost, me, other = _lost(), factories.a_worker(), _paid(5)
    promise = factories.promise(lost, effect="idempotent")
    fence = store.commit(lost, StartNode("pay", me, promise), worker=me).state.nodes["pay"].fence
    store.commit(lost, factories.told(fence, 5, attempt=2))
    assert "claims: 2" in _page(stage.browser(stage.operator()), f"/jobs/{lost}/compare/{other}")


def _lost() -> str:
    first = factories.a_worker()
    job = factories.a_planned_job(factories.one_tool(), first)
    store.commit(job, LoseLease("pay", factories.claim(job, first, effect="idempotent"), "worker_dead", True))
    return job


def test_the_page_before_offers_the_retry_and_jobs_of_the_same_agent_and_takes_any_id() -> None:
    job = stage.job(stage.waiting("go"))
    services.cancel(job, actor=factories.person())
    retried = services.retry(job, actor=factories.person())
    browser = stage.browser(stage.operator())
    page = _page(browser, f"/jobs/{job}/compare")
    assert f'href="/jobs/{job}/compare/{retried}"' in page
    assert "retry or fork" in page
    assert "no job&#x27;s id" in _page(browser, f"/jobs/{job}/compare?with=nonsense")
    answer = browser.get(f"/jobs/{job}/compare?with={retried}")
    assert answer.headers["Location"] == f"/jobs/{job}/compare/{retried}"
    assert f'href="/jobs/{job}/compare"' in _page(browser, f"/jobs/{job}")


def test_both_jobs_must_be_of_ones_tenant_and_the_look_is_on_record_for_both() -> None:
    stranger = Actor(id="s", name="s", tenant=factories.a_tenant())
    mine, other, theirs = (
        stage.job(stage.waiting()),
        stage.job(stage.waiting()),
        stage.job(stage.waiting(), actor=stranger),
    )
    user = stage.operator()
    browser = stage.browser(user)
    for left, right in ((mine, theirs), (theirs, mine)):
        assert browser.get(f"/jobs/{left}/compare/{right}").status_code == 404
    assert theirs not in _page(browser, f"/jobs/{mine}/compare")
    _page(browser, f"/jobs/{mine}/compare/{other}")
    for job in (mine, other):
        rows = Access.objects.filter(
            tenant="default", job_id=job, user=str(user.pk), question="console-compare"
        )
        assert rows.filter(outcome="granted").count() == 1
