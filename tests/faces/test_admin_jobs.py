"""The admin's pages of jobs: what they show, to whom, and which verbs they offer."""

from __future__ import annotations

import re
from uuid import uuid4

import pytest

from jobs import store
from jobs.core.commands import Actor, Cancel, Pause
from jobs.core.ids import child_id
from jobs.models import Event, Job
from tests.faces import admin_stage as stage

pytestmark = pytest.mark.usefixtures("engine_db")
JOBS = "/admin/aetheris_jobs/job/"


def test_the_list_shows_a_job_with_its_state_and_what_it_waits_for() -> None:
    job = stage.job(stage.waiting("go"))
    page = stage.browser(stage.operator()).get(f"{JOBS}?q={job}").content.decode()
    assert job[-12:] in page
    assert "stage@1" in page
    assert "parked" in page
    assert "signal at wait-go" in page


def test_the_page_of_a_job_says_what_will_wake_it_and_shows_its_steps_and_events() -> None:
    job = stage.job(stage.waiting("go"), goal={"order": "Ä-1 <b>"})
    page = stage.browser(stage.operator()).get(f"{JOBS}{job}/change/").content.decode()
    assert "a signal named go: somebody sends it" in page
    assert "Ä-1 &lt;b&gt;" in page
    assert "planning" in page
    assert "job_created" in page
    assert "UTC" in page


def test_each_wait_links_to_where_it_can_be_ended() -> None:
    box = {"id": "box", "kind": "receive", "channel": "news"}
    child = {"id": "kid", "kind": "agent", "agent": "other", "goal": {"$lit": {}}}
    job = stage.job(stage.waiting("go"), box, child, stage.asking())
    unknown, line = stage.unknown_call()
    browser = stage.browser(stage.operator())
    page = browser.get(f"{JOBS}{job}/change/").content.decode()
    assert f"{job}/do/signal/?name=go" in page
    assert f"{job}/do/message/?name=news" in page
    assert f"{JOBS}{child_id(job, 'kid')}/change/" in page
    assert f"/admin/aetheris_jobs/approval/{stage.approval_of(job)}/change/" in page
    page = browser.get(f"{JOBS}{unknown}/change/").content.decode()
    assert f"/admin/aetheris_ledger/invocation/{line}/change/" in page
    assert 'value="go"' in browser.get(f"{JOBS}{job}/do/signal/?name=go").content.decode()


def test_a_paused_and_an_ending_job_say_what_holds_them() -> None:
    paused, (ending, _) = stage.job(stage.waiting("go")), stage.unknown_call()
    store.commit(paused, Pause(actor=Actor(id="a", name="a")))
    store.commit(ending, Cancel(actor=Actor(id="a", name="a")))
    browser = stage.browser(stage.operator())
    assert "until somebody resumes it" in browser.get(f"{JOBS}{paused}/change/").content.decode()
    page = browser.get(f"{JOBS}{ending}/change/").content.decode()
    assert "It is cancelling" in page
    assert "/do/cancel/" not in page


def test_a_job_of_another_tenant_is_not_found_anywhere() -> None:
    job = stage.job(stage.waiting(), actor=Actor(id="x", tenant="stranger"))
    browser = stage.browser(stage.operator())
    for url in ("change/", "events/1/", "text/goal/", "do/cancel/"):
        assert browser.get(f"{JOBS}{job}/{url}").status_code == 404, url
    assert job[-12:] not in browser.get(JOBS).content.decode()


@pytest.mark.parametrize("address", ["not-a-uuid/change/", f"{uuid4()}/change/", f"{uuid4()}/events/1/"])
def test_a_job_that_is_not_there_is_not_found(address: str) -> None:
    assert stage.browser(stage.operator()).get(JOBS + address).status_code == 404


def test_nobody_adds_changes_or_deletes_a_job_by_hand() -> None:
    job = stage.job(stage.waiting())
    root = stage.person()
    root.is_superuser = True
    root.save()
    browser = stage.browser(root)
    assert browser.get(f"{JOBS}add/").status_code == 403
    assert browser.get(f"{JOBS}{job}/delete/").status_code == 403
    assert "delete_selected" not in browser.get(JOBS).content.decode()


def test_who_may_not_see_jobs_sees_none() -> None:
    job = stage.job(stage.waiting())
    browser = stage.browser(stage.person())
    for url in (JOBS, f"{JOBS}{job}/change/", f"{JOBS}{job}/do/cancel/"):
        assert browser.get(url).status_code in (403, 404), url


def test_who_is_not_staff_is_sent_to_the_login() -> None:
    answer = stage.browser(stage.person(staff=False)).get(JOBS)
    assert answer.status_code == 302
    assert "/login/" in answer.headers["Location"]


def test_a_signal_is_sent_once_however_often_the_button_is_clicked() -> None:
    job = stage.job(stage.waiting("go"), stage.waiting("go2"))
    browser = stage.browser(stage.operator())
    told = {"name": "go", "payload": '{"n": 1e16}', "id": "letter-1"}
    url = f"{JOBS}{job}/do/signal/"
    assert "Signal sent." in stage.post(browser, url, told).content.decode()
    stage.post(browser, url, told)
    bodies = Event.objects.filter(job_id=job, type="signal_received").values_list("body", flat=True)
    assert ['"n":1e+16' in (body or "") for body in bodies] == [True]


def test_the_signal_form_carries_an_id_of_its_own() -> None:
    job = stage.job(stage.waiting("go"))
    browser = stage.browser(stage.operator())
    url = f"{JOBS}{job}/do/signal/"
    drawn = {browser.get(url).context["form"]["id"].value() for _ in range(2)}
    assert len(drawn) == 2


@pytest.mark.parametrize("payload", ["{", "NaN", '{"a": 1, "a": 2}', "[" * 100_000])
def test_a_payload_that_is_not_json_is_refused_on_the_form(payload: str) -> None:
    job = stage.job(stage.waiting("go"))
    url = f"{JOBS}{job}/do/signal/"
    page = stage.post(stage.browser(stage.operator()), url, {"name": "go", "payload": payload, "id": "a"})
    assert "This is not JSON" in page.content.decode()
    assert not Event.objects.filter(job_id=job, type="signal_received").exists()


def test_a_refusal_is_told_as_a_message_and_writes_nothing() -> None:
    job = stage.job(stage.waiting("go"))
    head = Job.objects.get(pk=job).head_seq
    url = f"{JOBS}{job}/do/signal/"
    page = stage.post(stage.browser(stage.operator()), url, {"name": "nonsense", "payload": "", "id": "a"})
    assert "has no wait for a signal named" in page.content.decode()
    assert Job.objects.get(pk=job).head_seq == head


def test_pause_and_resume_follow_the_state_and_keep_the_reason() -> None:
    job = stage.job(stage.waiting("go"))
    browser = stage.browser(stage.operator())
    page = stage.post(browser, f"{JOBS}{job}/do/pause/", {"reason": "lunch"}).content.decode()
    assert "Job paused." in page
    assert f"{job}/do/resume/" in page
    assert f"{job}/do/pause/" not in page
    assert "lunch" in (Event.objects.get(job_id=job, type="job_paused").body or "")
    assert "Job resumed." in stage.post(browser, f"{JOBS}{job}/do/resume/", {"reason": ""}).content.decode()


def test_cancel_asks_first_and_only_a_post_cancels() -> None:
    job = stage.job(stage.waiting("go"))
    browser = stage.browser(stage.operator())
    assert "cannot be undone" in browser.get(f"{JOBS}{job}/do/cancel/").content.decode()
    assert Job.objects.get(pk=job).status == "parked"
    stage.post(browser, f"{JOBS}{job}/do/cancel/", {"reason": ""})
    assert Job.objects.get(pk=job).status == "cancelled"


def test_a_post_without_the_csrf_token_is_refused() -> None:
    job = stage.job(stage.waiting("go"))
    answer = stage.browser(stage.operator()).post(f"{JOBS}{job}/do/cancel/", {"reason": ""})
    assert answer.status_code == 403
    assert Job.objects.get(pk=job).status == "parked"


def test_a_job_that_has_ended_offers_to_be_retried_at_most_and_a_late_click_is_refused() -> None:
    job = stage.job(stage.waiting("go"))
    store.commit(job, Cancel(actor=Actor(id="a", name="a")))
    browser = stage.browser(stage.operator())
    page = browser.get(f"{JOBS}{job}/change/").content.decode()
    assert re.findall(rf"{job}/do/(\w+)/", page) == ["retry"]
    late = {"name": "go", "payload": "", "id": "a"}
    page = stage.post(browser, f"{JOBS}{job}/do/signal/", late).content.decode()
    assert "takes no signal any more" in page


def test_who_may_only_look_is_offered_no_verb_and_cannot_send_one() -> None:
    job = stage.job(stage.waiting("go"))
    browser = stage.browser(stage.person("view_job"))
    assert f"{job}/do/" not in browser.get(f"{JOBS}{job}/change/").content.decode()
    assert browser.get(f"{JOBS}{job}/do/cancel/").status_code == 403


def test_the_page_of_an_event_shows_its_place_in_the_chain() -> None:
    job = stage.job(stage.waiting("go"))
    event = Event.objects.get(job_id=job, seq=2)
    page = stage.browser(stage.operator()).get(f"{JOBS}{job}/events/2/").content.decode()
    assert event.hash in page
    assert event.prev in page
    assert event.digest in page
    assert stage.browser(stage.operator()).get(f"{JOBS}{job}/events/999/").status_code == 404


def test_a_large_goal_starts_folded_and_a_very_large_one_is_linked() -> None:
    small = stage.job(stage.waiting(), goal={"text": "x" * 5_000})
    large = stage.job(stage.waiting(), goal={"text": "y" * 200_000})
    browser = stage.browser(stage.operator())
    assert '<details class="aetheris-part">' in browser.get(f"{JOBS}{small}/change/").content.decode()
    page = browser.get(f"{JOBS}{large}/change/")
    assert len(page.content) < 150_000
    assert f"{large}/text/goal/" in page.content.decode()
    whole = browser.get(f"{JOBS}{large}/text/goal/")
    assert whole.headers["Content-Type"].startswith("text/plain")
    assert len(whole.content) > 200_000


def test_events_are_shown_two_hundred_at_a_time_with_a_way_to_the_older() -> None:
    job = stage.job(stage.waiting("go"))
    browser = stage.browser(stage.operator())
    for turn in range(101):
        wish = stage.letters(turn)
        store.commit(job, *wish)
    page = browser.get(f"{JOBS}{job}/change/")
    assert len(page.context["stream"]) == 200
    older = page.context["older"]
    assert f"?before={older}" in page.content.decode()
    rest = browser.get(f"{JOBS}{job}/change/?before={older}").context["stream"]
    assert [row["seq"] for row in rest] == list(range(older - 1, 0, -1))
    assert browser.get(f"{JOBS}{job}/change/?before=%D9%A3x").status_code == 200


def test_the_newest_job_stands_first() -> None:
    for _ in range(2):  # beside those of other tests, some of which have moved time
        stage.job(stage.waiting())
    rows = stage.browser(stage.operator()).get(JOBS).context["cl"].result_list
    order = [(row.created_at, row.pk) for row in rows]
    assert len(order) >= 2
    assert order == sorted(order, reverse=True)


@pytest.mark.parametrize("words", ["stage", "01a2045b", "nothing like it", "%", "\x00"])
def test_a_search_for_anything_is_answered(words: str) -> None:
    browser = stage.browser(stage.operator())
    for url in (JOBS, "/admin/aetheris_ledger/invocation/", "/admin/aetheris_jobs/delivery/"):
        assert browser.get(url, {"q": words}).status_code == 200, url


def test_a_search_finds_a_job_by_its_whole_id() -> None:
    job = stage.job(stage.waiting())
    listed = stage.browser(stage.operator()).get(JOBS, {"q": f" {job.upper()} "}).context["cl"].result_list
    assert [str(row.pk) for row in listed] == [job]
