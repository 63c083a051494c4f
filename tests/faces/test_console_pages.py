"""The console's pages without a script: what they show, to whom, and what may be done on them."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.test import Client

from jobs import store
from jobs.console.overview import with_code
from jobs.core.commands import Actor, Cancel, LoseLease, StartNode
from jobs.core.ids import child_id
from jobs.models import Approval, Event, Job
from tests import factories
from tests.faces import admin_stage as stage

pytestmark = pytest.mark.usefixtures("engine_db")
INLINE = re.compile(r"<script(?![^>]*\ssrc=)|<style|\sstyle=|\son[a-z]+=", re.IGNORECASE)


def _page(browser: Client, url: str) -> str:
    answer = browser.get(url)
    assert answer.status_code == 200, (url, answer.status_code)
    return answer.content.decode()


def _whole_job(group: str = "finance", actor: Actor | None = None) -> str:
    return stage.job(stage.asking(groups=[group]), stage.paying(), stage.waiting("go"), actor=actor)


def test_nobody_sees_a_page_without_logging_in_and_the_login_leads_back() -> None:
    job = stage.job(stage.waiting())
    for url in ("/", "/jobs", f"/jobs/{job}", f"/jobs/{job}/nodes/wait-go", "/approvals"):
        answer = Client().get(url)
        assert answer.status_code == 302
        assert answer.headers["Location"] == f"/login?next={url}"
    user = stage.person(staff=False)
    user.set_password("a long enough word")
    user.save()
    browser = Client()
    assert "<title>Log in · Aetheris</title>" in browser.get("/login").content.decode()
    form = {"username": user.username, "password": "a long enough word", "next": f"/jobs/{job}"}
    assert browser.post("/login", form).headers["Location"] == f"/jobs/{job}"
    assert job in _page(browser, f"/jobs/{job}")
    browser.post("/logout")
    assert browser.get("/").status_code == 302


def test_the_first_page_shows_what_waits_for_me_and_what_runs(settings: Any) -> None:
    tenant = factories.a_tenant()  # the page lists a few of each kind, and other tests leave theirs
    settings.AETHERIS = {**settings.AETHERIS, "DEFAULT_TENANT": tenant}
    asker = Actor(id="asker", name="asker", tenant=tenant)
    group = stage.person().username
    user = stage.person(group=group, staff=False)
    job = _whole_job(group, asker)
    unknown, _ = stage.unknown_call(actor=asker)
    page = _page(stage.browser(user), "/")
    assert "Refund?" in page
    assert f"/approvals/{stage.approval_of(job)}" in page
    assert "Effects whose outcome nobody knows" in page
    assert unknown[-12:] in page
    assert "Nothing has been asked for yet" not in page
    assert "/admin/" not in page  # which they may not enter
    other = _page(stage.browser(stage.person()), "/")
    assert f"/approvals/{stage.approval_of(job)}" not in other
    assert "/admin/" in other


def test_the_first_page_of_an_empty_house_says_how_to_begin_and_what_to_type_is_no_backtick(
    settings: Any,
) -> None:
    settings.AETHERIS = {**settings.AETHERIS, "DEFAULT_TENANT": factories.a_tenant()}
    page = _page(stage.browser(stage.person("submit_job")), "/")
    assert "Nothing has been asked for yet" in page
    assert "Start the first job" in page
    assert "Start the first job" not in _page(stage.browser(stage.person()), "/")
    assert with_code("see `aetheris <x>` now") == "see <code>aetheris &lt;x&gt;</code> now"


def test_jobs_are_found_by_status_agent_and_the_beginning_of_their_id() -> None:
    job, ended = stage.job(stage.waiting("go")), stage.job(stage.waiting("go"))
    store.commit(ended, Cancel(actor=Actor(id="a", name="a")))
    browser = stage.browser(stage.person())
    for query, found in (
        (f"id={job}", True), (f"id={job[:23]}", True), (f"id={job}&status=parked", True), (f"id={job}&agent=stage", True),
        (f"id={job}&agent=stage@1", True), (f"id={job}&agent=other", False), (f"id={job}&status=failed", False),
        (f"id={ended}", False), ("id=nonsense", False), ("id=%00", False), ("agent=%00", False),
    ):  # fmt: skip
        assert (f'href="/jobs/{job}"' in _page(browser, f"/jobs?{query}")) == found, query
    assert "by its first eight characters" in _page(browser, "/jobs?id=nonsense")


def test_the_list_is_leafed_through_without_gaps_and_without_repeats() -> None:
    jobs = {stage.job(stage.waiting()) for _ in range(55)}
    browser = stage.browser(stage.person())
    seen: list[str] = []
    url = "/jobs?status=parked"
    while jobs - set(seen) and len(seen) < 5_000:
        page = _page(browser, url)
        seen += re.findall(r'href="/jobs/([0-9a-f-]{36})"', page)
        older = re.search(r'href="(\?[^"]*after=[^"]*)" rel="next"', page)
        if older is None:
            break
        url = f"/jobs{older[1].replace('&amp;', '&')}"
    assert jobs <= set(seen)
    assert len(seen) == len(set(seen))


def test_the_page_of_a_job_draws_it_and_says_what_will_wake_it() -> None:
    child = {"id": "kid", "kind": "agent", "agent": "other", "goal": {"$lit": {}}}
    job = stage.job(stage.asking(), stage.paying(), stage.waiting("go"), child, goal={"order": "Ä-1 <b>"})
    page = _page(stage.browser(stage.operator()), f"/jobs/{job}")
    assert '<svg class="graph"' in page
    assert '<svg class="gantt"' in page
    assert 'class="step is-parked"' in page
    assert 'class="step is-waiting"' in page
    for node in ("_plan", "ask", "pay", "wait-go", "kid"):
        assert f'href="/jobs/{job}/nodes/{node}"' in page, node
    assert "a signal named go: somebody sends it" in page
    assert f"/jobs/{job}/do/signal?name=go" in page
    assert f"/approvals/{stage.approval_of(job)}" in page
    assert f"/jobs/{child_id(job, 'kid')}" in page
    assert "Ä-1 &lt;b&gt;" in page
    assert f"aetheris approve {stage.approval_of(job)}" in page
    assert f"aetheris signal {job} go --payload null" in page
    assert f"aetheris pause {job}" in page
    assert f"/admin/aetheris_jobs/job/{job}/change/" in page


def test_a_job_that_was_never_planned_and_one_with_very_many_steps_have_a_page() -> None:
    assert "planning" in _page(stage.browser(stage.person()), f"/jobs/{factories.a_job()}")
    large = stage.job(*(stage.waiting(f"w{number}") for number in range(420)))
    page = _page(stage.browser(stage.person()), f"/jobs/{large}")
    assert "too many steps for a picture" in page
    assert "And 221 more." in page


def test_events_are_shown_two_hundred_at_a_time_with_a_way_to_the_older() -> None:
    job = stage.job(stage.waiting("go"))
    for turn in range(101):
        store.commit(job, *stage.letters(turn))
    browser = stage.browser(stage.person())
    numbers = re.compile(rf'href="/jobs/{job}/events/(\d+)"')
    seen = [int(each) for each in numbers.findall(_page(browser, f"/jobs/{job}"))]
    assert len(seen) == 200
    rest = [int(each) for each in numbers.findall(_page(browser, f"/jobs/{job}?before={seen[-1]}"))]
    assert [*seen, *rest] == list(range(Job.objects.get(pk=job).head_seq, 0, -1))
    assert _page(browser, f"/jobs/{job}?before=%D9%A3x")


def test_the_page_of_an_event_shows_its_place_in_the_chain() -> None:
    job = stage.job(stage.waiting("go"))
    event = Event.objects.get(job_id=job, seq=2)
    page = _page(stage.browser(stage.person()), f"/jobs/{job}/events/2")
    assert event.hash in page
    assert event.prev in page
    assert event.digest in page


def test_the_page_of_a_step_shows_what_went_in_and_what_the_ledger_says() -> None:
    job, line = stage.unknown_call(args={"cents": 77_001})
    page = _page(stage.browser(stage.operator()), f"/jobs/{job}/nodes/pay")
    assert "77001" in page
    assert "pay_back" in page
    assert f"pay:{job}" in page
    assert f"/effects/{line}" in page
    assert "outcome_unknown" in page
    assert f"aetheris node {job} pay" in page
    assert "planning" in _page(stage.browser(stage.operator()), f"/jobs/{job}/nodes/_plan")
    assert _page(stage.browser(stage.operator()), f"/jobs/{job}/text/goal") == '{"n":1}'


def test_a_take_over_is_drawn_and_the_two_attempts_can_be_compared() -> None:
    first, second = factories.a_worker(), factories.a_worker()
    job = factories.a_planned_job(factories.one_tool(), first)
    fence = factories.claim(job, first, effect="idempotent")
    store.commit(job, LoseLease("pay", fence, "worker_dead", True))
    again = store.commit(
        job, StartNode("pay", second, factories.promise(job, effect="idempotent")), worker=second
    )
    store.commit(job, factories.told(again.state.nodes["pay"].fence, {"paid": 5}, attempt=2))
    browser = stage.browser(stage.person())
    page = _page(browser, f"/jobs/{job}")
    assert 'class="bar is-lost' in page
    assert 'class="takeover"' in page
    assert "completed" in page
    step = _page(browser, f"/jobs/{job}/nodes/pay")
    assert "Two attempts compared" in step
    assert "is-removed" in step
    assert "lease lost" in step
    assert "They do not differ" in _page(browser, f"/jobs/{job}/nodes/pay?left={fence}&right={fence}")


def test_what_is_not_there_or_is_another_tenants_is_not_found_and_the_page_says_so() -> None:
    foreign = stage.job(stage.asking(), stage.waiting(), actor=Actor(id="x", tenant="stranger"))
    own, nobody = stage.job(stage.waiting()), stage.new_uuid()
    browser = stage.browser(stage.operator())
    asked = Approval.objects.get(job_id=foreign).id
    for url in (
        f"/jobs/{foreign}", f"/jobs/{foreign}/nodes/ask", f"/jobs/{foreign}/events/1", f"/jobs/{foreign}/text/goal",
        f"/jobs/{foreign}/do/cancel", f"/approvals/{asked}", f"/jobs/{nobody}", f"/approvals/{nobody}",
        f"/jobs/{own}/nodes/other", f"/jobs/{own}/events/99", f"/jobs/{own}/do/fly", f"/jobs/{own}/text/secret",
    ):  # fmt: skip
        answer = browser.get(url)
        assert answer.status_code == 404, url
        assert "To the overview" in answer.content.decode()
    assert foreign[-12:] not in _page(browser, "/jobs")
    assert foreign[-12:] not in _page(browser, "/approvals?box=open")


def test_a_verb_asks_first_and_only_a_post_does_it() -> None:
    job = stage.job(stage.waiting("go"))
    browser = stage.browser(stage.operator())
    assert "cannot be undone" in _page(browser, f"/jobs/{job}/do/cancel")
    assert Job.objects.get(pk=job).status == "parked"
    page = stage.post(browser, f"/jobs/{job}/do/pause", {"reason": "lunch"}).content.decode()
    assert "Job paused." in page
    assert "lunch" in (Event.objects.get(job_id=job, type="job_paused").body or "")
    stage.post(browser, f"/jobs/{job}/do/cancel", {"reason": ""})
    assert Job.objects.get(pk=job).status == "cancelled"
    late = stage.post(browser, f"/jobs/{job}/do/signal", {"name": "go", "payload": "", "id": "a"})
    assert "takes no signal any more" in late.content.decode()


def test_a_signal_is_sent_once_by_a_double_click() -> None:
    job = stage.job(stage.waiting("go"), stage.waiting("go2"))
    browser = stage.browser(stage.operator())
    page = _page(browser, f"/jobs/{job}/do/signal?name=go")
    assert 'value="go"' in page
    letter = re.search(r'name="id" value="([^"]+)"', page)
    assert letter
    for _ in range(2):
        stage.post(browser, f"/jobs/{job}/do/signal", {"name": "go", "payload": "{}", "id": letter[1]})
    assert Event.objects.filter(job_id=job, type="signal_received").count() == 1


def test_who_may_only_look_is_offered_no_verb_and_cannot_send_one() -> None:
    job = stage.job(stage.waiting("go"))
    browser = stage.browser(stage.person())
    assert f"/jobs/{job}/do/" not in _page(browser, f"/jobs/{job}")
    assert browser.get(f"/jobs/{job}/do/cancel").status_code == 403


@pytest.mark.parametrize("url", ["/jobs/{}/do/cancel", "/approvals/{}"])
def test_a_post_without_the_csrf_token_is_refused(url: str) -> None:
    job = stage.job(stage.asking())
    key = job if "jobs" in url else stage.approval_of(job)
    answer = stage.browser(stage.operator()).post(url.format(key), {"reason": "", "decision": "approve"})
    assert answer.status_code == 403
    assert Job.objects.get(pk=job).status == "parked"


def test_no_page_holds_an_inline_script_or_style_and_all_keep_the_policy() -> None:
    job = _whole_job()
    unknown, _ = stage.unknown_call()
    browser = stage.browser(stage.person(*stage.OPERATOR, group="finance"))
    pages = [
        "/", "/jobs", f"/jobs/{job}", f"/jobs/{job}/nodes/ask", f"/jobs/{unknown}/nodes/pay", f"/jobs/{job}/events/1",
        f"/jobs/{job}/do/signal", "/approvals", "/approvals?box=closed", f"/approvals/{stage.approval_of(job)}", "/login",
    ]  # fmt: skip
    for url in pages:
        answer = browser.get(url)
        assert answer.status_code == 200, url
        assert answer.headers["Content-Security-Policy"]
        assert not (found := INLINE.search(answer.content.decode())), (url, found)
        assert not re.search(r'(?:src|href)="(?:https?:)?//', answer.content.decode()), url


def test_every_time_is_written_for_machines_too() -> None:
    job = _whole_job()
    for url in ("/jobs", f"/jobs/{job}", f"/jobs/{job}/nodes/ask", f"/approvals/{stage.approval_of(job)}"):
        page = _page(stage.browser(stage.person(group="finance")), url)
        assert re.search(
            r'<time datetime="\d{4}-\d\d-\d\dT[\d:.]+Z">\d{4}-\d\d-\d\d [\d:]+ UTC</time>', page
        ), url
        bare = re.sub(r"<time.*?</time>", "", page)
        assert not re.search(r"\d\d:\d\d:\d\d UTC", bare), url
