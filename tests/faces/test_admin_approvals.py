"""Approvals in the admin: the inbox, the page, and decisions that come twice, late or from the wrong person."""

from __future__ import annotations

from typing import Any

import pytest

from jobs import clock
from jobs.models import Approval, Event, Job
from tests.faces import admin_stage as stage

pytestmark = pytest.mark.usefixtures("engine_db")
APPROVALS = "/admin/aetheris_jobs/approval/"


def _asked(group: str = "", **more: Any) -> tuple[str, str]:
    """A job that asks the group finance, and its approval."""
    node = stage.asking(**more) if not group else stage.asking(groups=[group], **more)
    job = stage.job(node, stage.paying())
    return job, stage.approval_of(job)


def _decide(browser: Any, approval: str, decision: str = "approve", **more: str) -> str:
    digest = Approval.objects.get(pk=approval).digest
    told = {"decision": decision, "digest": digest, "comment": "", **more}
    page = f"{APPROVALS}{approval}/change/"
    return str(stage.post(browser, f"{APPROVALS}{approval}/decide/", told, page=page).content.decode())


def test_the_page_shows_what_was_shown_and_the_exact_arguments_it_releases() -> None:
    _, approval = _asked()
    page = stage.browser(stage.person(group="finance")).get(f"{APPROVALS}{approval}/change/")
    text = page.content.decode()
    assert "Refund?" in text
    assert "&quot;A-7&quot;" in text
    assert "&quot;cents&quot;: 1200" in text
    assert f'value="{Approval.objects.get(pk=approval).digest}"' in text


def test_an_approval_is_given_with_its_comment_and_releases_the_call() -> None:
    job, approval = _asked()
    user = stage.person(group="finance")
    page = _decide(stage.browser(user), approval, comment="fine with me")
    assert "Your decision is recorded: approve." in page
    assert f"{user.username} decided approve at 20" in page
    assert Approval.objects.get(pk=approval).state == "approved"
    assert "fine with me" in (Event.objects.get(job_id=job, type="approval_decided").body or "")


def test_a_double_click_says_who_decided_and_when_and_writes_nothing_more() -> None:
    job, approval = _asked()
    first, second = stage.person(group="finance"), stage.person(group="finance")
    browser = stage.browser(first)
    _decide(browser, approval)
    head = Job.objects.get(pk=job).head_seq
    for late in (browser, stage.browser(second)):
        page = _decide(late, approval, "reject")
        assert page.count(f"{first.username} decided approve at 20") >= 2  # in the message and on the page
        assert "UTC" in page
    assert Job.objects.get(pk=job).head_seq == head


def test_a_decision_on_something_else_than_what_is_shown_is_refused() -> None:
    _, approval = _asked()
    page = _decide(stage.browser(stage.person(group="finance")), approval, digest="0" * 64)
    assert "shows something else than what you decided on" in page
    assert Approval.objects.get(pk=approval).state == "open"


def test_who_is_not_asked_does_not_see_the_question() -> None:
    _, approval = _asked()
    browser = stage.browser(stage.person(group="sales"))
    assert browser.get(f"{APPROVALS}{approval}/change/").status_code == 404
    assert approval not in browser.get(f"{APPROVALS}?inbox=all").content.decode()


def test_who_may_look_but_is_not_asked_gets_no_buttons_and_cannot_decide() -> None:
    _, approval = _asked()
    browser = stage.browser(stage.person("view_approval"))
    page = browser.get(f"{APPROVALS}{approval}/change/").content.decode()
    assert "You cannot decide this: it asks group finance" in page
    assert 'value="approve"' not in page
    head = Approval.objects.get(pk=approval)
    told = {"decision": "approve", "digest": head.digest, "comment": ""}
    answer = stage.post(browser, f"{APPROVALS}{approval}/decide/", told, page=APPROVALS).content.decode()
    assert "may not decide approval" in answer
    assert Approval.objects.get(pk=approval).state == "open"


def test_the_requester_is_told_that_four_eyes_are_required() -> None:
    user = stage.person(group="finance")
    job = stage.job(stage.asking(four_eyes=True), stage.paying(), actor=stage.actor(user))
    approval = stage.approval_of(job)
    browser = stage.browser(user)
    assert approval not in browser.get(APPROVALS).content.decode()
    page = browser.get(f"{APPROVALS}{approval}/change/").content.decode()
    assert "four eyes are required" in page


def test_the_inbox_holds_what_waits_for_me_by_deadline() -> None:
    group = stage.person().username  # a name of this test's own
    user = stage.person(group=group)
    late, soon = _asked(group, deadline="9d")[1], _asked(group, deadline="2d")[1]
    never, closed = _asked(group)[1], _asked(group)[1]
    other = _asked()[1]
    browser = stage.browser(user)
    _decide(browser, closed)
    listed = [str(row.pk) for row in browser.get(APPROVALS).context["cl"].result_list]
    assert listed == [soon, late, never]
    assert other not in listed
    everything = [str(row.pk) for row in browser.get(f"{APPROVALS}?inbox=all").context["cl"].result_list]
    assert set(everything) == {soon, late, never, closed}


def test_a_group_whose_name_differs_only_in_case_is_another_group() -> None:
    group = stage.person().username
    _, approval = _asked(group)
    browser = stage.browser(stage.person(group=group.upper()))
    assert browser.get(f"{APPROVALS}{approval}/change/").status_code == 404


def test_after_my_vote_a_question_to_two_leaves_my_inbox_and_stays_open() -> None:
    group = stage.person().username
    _, approval = _asked(group, quorum=2)
    browser = stage.browser(stage.person(group=group))
    page = _decide(browser, approval)
    assert "you have voted already" in page
    assert Approval.objects.get(pk=approval).state == "open"
    assert not browser.get(APPROVALS).context["cl"].result_list
    assert "1 of 2" in browser.get(f"{APPROVALS}?inbox=open").content.decode()


def test_a_vote_goes_to_a_colleague_who_is_not_asked() -> None:
    group = stage.person().username
    _, approval = _asked(group)
    giver, colleague = stage.browser(stage.person(group=group)), stage.person()
    path = f"{APPROVALS}{approval}/delegate/"
    told = {
        "delegation-to": colleague.username,
        "delegation-digest": Approval.objects.get(pk=approval).digest,
    }
    page = stage.post(giver, path, told, page=APPROVALS).content.decode()
    assert f"Your vote is {colleague.username}&#x27;s now." in page
    assert f"delegate to {colleague.username}" in page
    assert "you have voted already" in page
    theirs = stage.browser(colleague)
    assert [str(row.pk) for row in theirs.get(APPROVALS).context["cl"].result_list] == [approval]
    assert "approved" in _decide(theirs, approval)


def test_a_delegation_to_nobody_says_so_on_the_page() -> None:
    group = stage.person().username
    _, approval = _asked(group)
    giver = stage.browser(stage.person(group=group))
    path = f"{APPROVALS}{approval}/delegate/"
    digest = Approval.objects.get(pk=approval).digest
    page = stage.post(
        giver, path, {"delegation-to": "", "delegation-digest": digest}, page=APPROVALS
    ).content.decode()
    assert "This field is required" in page
    told = {"delegation-to": "nobody-of-that-name", "delegation-digest": digest}
    assert "there is no active user" in stage.post(giver, path, told, page=APPROVALS).content.decode()
    assert Approval.objects.get(pk=approval).votes == "[]"


def test_a_decision_past_the_deadline_is_refused_and_the_deadline_decides() -> None:
    group = stage.person().username
    _, approval = _asked(group, deadline="60s")
    browser = stage.browser(stage.person(group=group))
    browser.get(APPROVALS)
    clock.shift(61)
    try:
        assert not browser.get(APPROVALS).context["cl"].result_list
        page = _decide(browser, approval)
    finally:
        clock.shift(-61)
    assert "deadline" in page
    assert Approval.objects.get(pk=approval).state != "approved"


def test_deciding_takes_a_post_and_the_csrf_token() -> None:
    _, approval = _asked()
    browser = stage.browser(stage.person(group="finance"))
    assert browser.get(f"{APPROVALS}{approval}/decide/").status_code == 405
    assert browser.post(f"{APPROVALS}{approval}/decide/", {"decision": "approve"}).status_code == 403


def test_a_project_with_a_transaction_around_every_request_still_hears_the_refusal() -> None:
    from django.urls import resolve

    for address in ("approval/{0}/decide/", "job/{0}/do/cancel/"):
        view = resolve("/admin/aetheris_jobs/" + address.format(stage.new_uuid())).func
        assert hasattr(view, "_non_atomic_requests"), address
    view = resolve(f"/admin/aetheris_ledger/invocation/{stage.new_uuid()}/resolve/").func
    assert hasattr(view, "_non_atomic_requests")
