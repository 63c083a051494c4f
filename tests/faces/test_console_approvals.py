"""Approvals in the console: exactly what is asked, decided once, and who comes too late is told."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.test import Client

from jobs import services
from jobs.models import Addressee, Approval, Event
from jobs.queries import inbox
from tests.faces import admin_stage as stage

pytestmark = pytest.mark.usefixtures("engine_db")


def _page(browser: Client, url: str) -> str:
    answer = browser.get(url)
    assert answer.status_code == 200, (url, answer.status_code)
    return answer.content.decode()


def _whole_job(group: str = "finance") -> str:
    return stage.job(stage.asking(groups=[group]), stage.paying(), stage.waiting("go"))


def decision(browser: Client, approval: str, **fields: Any) -> Any:
    """Send an answer to an approval as the page does."""
    digest = str(Approval.objects.get(pk=approval).digest)
    return stage.post(
        browser, f"/approvals/{approval}", {"decision": "approve", "digest": digest, "comment": "", **fields}
    )


def test_an_approver_sees_exactly_what_is_asked_and_decides() -> None:
    group = stage.person().username
    job = _whole_job(group)
    approval = stage.approval_of(job)
    browser = stage.browser(stage.person(group=group, staff=False))
    page = _page(browser, f"/approvals/{approval}")
    for words in ("Refund?", "&quot;A-7&quot;", "pay_back", "1200", Approval.objects.get(pk=approval).digest):
        assert words in page, words
    assert f"/approvals/{approval}" in _page(browser, "/approvals")
    told = decision(browser, approval, comment="checked").content.decode()
    assert "Your decision is recorded: approved." in told
    assert "checked" in told
    assert Approval.objects.get(pk=approval).state == "approved"
    assert f"/approvals/{approval}" not in _page(browser, "/approvals")
    assert f"/approvals/{approval}" in _page(browser, "/approvals?box=closed")


def test_a_double_click_decides_once_and_both_answers_say_so() -> None:
    group = stage.person().username
    approval = stage.approval_of(_whole_job(group))
    browser = stage.browser(stage.person(group=group))
    assert "waits for the answer" in _page(browser, f"/approvals/{approval}")
    for _ in range(2):
        assert "Your decision is recorded" in decision(browser, approval).content.decode()
    assert "waits for the answer" not in _page(browser, f"/approvals/{approval}")
    row = Approval.objects.get(pk=approval)
    assert Event.objects.filter(job_id=row.job_id, type="approval_decided").count() == 1


def test_who_comes_too_late_is_told_who_decided_and_when() -> None:
    group = stage.person().username
    approval = stage.approval_of(_whole_job(group))
    first, second = (stage.person(group=group) for _ in range(2))
    decision(stage.browser(first), approval)
    told = decision(stage.browser(second), approval, decision="reject").content.decode()
    assert "Your decision is recorded" not in told
    assert re.search(rf"{first.username} decided approve at [\d-]+ [\d:.]+ UTC", told)
    assert Approval.objects.get(pk=approval).state == "approved"


def test_a_page_that_showed_something_else_cannot_decide() -> None:
    group = stage.person().username
    approval = stage.approval_of(_whole_job(group))
    told = decision(stage.browser(stage.person(group=group)), approval, digest="0" * 64).content.decode()
    assert "shows something else" in told
    assert Approval.objects.get(pk=approval).state == "open"


def test_who_is_not_asked_is_refused_and_told_why() -> None:
    approval = stage.approval_of(_whole_job())
    browser = stage.browser(stage.person())
    assert "You cannot decide this: it asks group finance." in _page(browser, f"/approvals/{approval}")
    browser.get(f"/jobs/{Approval.objects.get(pk=approval).job_id}")
    answer = decision(browser, approval)
    assert answer.status_code == 403
    assert Approval.objects.get(pk=approval).state == "open"


def test_a_vote_is_handed_to_somebody_else_and_is_theirs_then() -> None:
    group = stage.person().username
    approval = stage.approval_of(_whole_job(group))
    giver, taker = stage.person(group=group), stage.person(staff=False)
    digest = str(Approval.objects.get(pk=approval).digest)
    handing = {
        "delegation-to": taker.username,
        "delegation-digest": digest,
        "delegation-comment": "",
        "delegate": "yes",
    }
    browser = stage.browser(giver)
    empty = stage.post(browser, f"/approvals/{approval}", {**handing, "delegation-to": ""})
    assert empty.status_code == 422
    told = stage.post(browser, f"/approvals/{approval}", handing).content.decode()
    assert f"Your vote is {taker.username}&#x27;s now." in told
    assert f"{taker.username} (delegate)" in told
    assert f"/approvals/{approval}" not in _page(browser, "/approvals")
    assert f"/approvals/{approval}" in _page(stage.browser(taker), "/approvals")
    assert decision(browser, approval).status_code == 403
    decision(stage.browser(taker), approval)
    assert Approval.objects.get(pk=approval).state == "approved"


def test_whom_an_approval_asks_is_kept_beside_it_through_delegation_and_decision() -> None:
    group = stage.person().username
    first, second = stage.person(group=group, staff=False), stage.person(staff=False)
    job = stage.job(stage.asking(groups=[group], users=["somebody"]), stage.paying())
    row = Approval.objects.get(job_id=job)
    asked = Addressee.objects.filter(approval=row.id)
    assert set(asked.values_list("whom", "open")) == {(f"group:{group}", True), ("user:somebody", True)}
    actor = stage.actor(second)
    assert inbox.nearest(actor, 9) == []
    services.delegate(row.id, second.username, digest=row.digest, actor=stage.actor(first), comment="")
    assert [each.id for each in inbox.nearest(actor, 9)] == [row.id]
    assert list(inbox.undecided(Approval.objects.all(), actor)) == [row]
    services.decide(row.id, "approve", digest=row.digest, actor=actor, comment="", form=None)
    assert set(asked.values_list("open", flat=True)) == {False}
    assert asked.count() == 3
    assert inbox.nearest(actor, 9) == []
    assert list(inbox.asking(Approval.objects.all(), actor)) == [Approval.objects.get(pk=row.id)]


def test_who_has_answered_the_nearest_questions_still_sees_the_one_behind_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(inbox, "LOOKS", (2, 4, 8))
    group = stage.person().username
    me = stage.actor(stage.person(group=group, staff=False))
    asked = [
        stage.approval_of(stage.job(stage.asking(groups=[group], quorum=2), stage.paying())) for _ in range(6)
    ]
    for each in asked[:5]:
        digest = Approval.objects.get(pk=each).digest
        services.decide(each, "approve", digest=digest, actor=me, comment="", form=None)
    assert [str(each.id) for each in inbox.nearest(me, 1)] == [str(asked[5])]
