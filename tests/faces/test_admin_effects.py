"""Unresolved effects in the admin: what is known of them, and the three answers."""

from __future__ import annotations

from typing import Any

import pytest

from jobs.core.commands import Actor
from jobs.models import Event
from ledger.models import Invocation
from tests.faces import admin_stage as stage

pytestmark = pytest.mark.usefixtures("engine_db")
EFFECTS = "/admin/aetheris_ledger/invocation/"


def _answer(browser: Any, line: str, verdict: str, **more: str) -> str:
    told = {"verdict": verdict, "result": "", "comment": "asked the bank", **more}
    page = f"{EFFECTS}{line}/change/"
    return str(stage.post(browser, f"{EFFECTS}{line}/resolve/", told, page=page).content.decode())


def test_the_inbox_shows_only_what_nobody_knows_and_why() -> None:
    job, line = stage.unknown_call()
    browser = stage.browser(stage.operator())
    page = browser.get(EFFECTS).content.decode()
    assert line in page
    assert "the call raised an error" in page
    _answer(browser, line, "fail")
    assert line not in browser.get(EFFECTS).content.decode()
    assert line in browser.get(f"{EFFECTS}?state=any&q={job}").content.decode()


def test_the_page_shows_the_arguments_the_keys_and_the_last_evidence() -> None:
    job, line = stage.unknown_call()
    page = stage.browser(stage.operator()).get(f"{EFFECTS}{line}/change/").content.decode()
    row = Invocation.objects.get(pk=line)
    for shown in (
        "&quot;cents&quot;: 1200",
        row.idempotency_key,
        f"pay:{job}",
        "raised",
        "the line went dead",
    ):
        assert shown in page, shown


def test_landed_settles_the_call_with_its_result_and_says_who_said_so() -> None:
    job, line = stage.unknown_call()
    user = stage.operator()
    page = _answer(stage.browser(user), line, "landed", result='{"refund": "R-1"}')
    assert "the call landed" in page
    row = Invocation.objects.get(pk=line)
    assert (row.state, row.result) == ("landed", '{"refund":"R-1"}')
    told = Event.objects.get(job_id=job, type="outcome_resolved").body or ""
    assert user.username in told
    assert "asked the bank" in told


@pytest.mark.parametrize(("verdict", "state"), [("absent", "absent"), ("fail", "given_up")])
def test_absent_and_fail_close_the_doubt(verdict: str, state: str) -> None:
    _, line = stage.unknown_call()
    _answer(stage.browser(stage.operator()), line, verdict)
    assert Invocation.objects.get(pk=line).state == state


def test_a_second_answer_is_refused_with_a_message() -> None:
    _, line = stage.unknown_call()
    browser = stage.browser(stage.operator())
    _answer(browser, line, "landed", result="1")
    assert "its outcome is not unknown" in _answer(browser, line, "fail")
    assert Invocation.objects.get(pk=line).state == "landed"


def test_an_answer_needs_a_comment_and_a_result_belongs_to_landed() -> None:
    _, line = stage.unknown_call()
    browser = stage.browser(stage.operator())
    assert "This field is required." in _answer(browser, line, "landed", comment="")
    assert "Only a call that landed has a result" in _answer(browser, line, "absent", result="1")
    assert "This is not JSON" in _answer(browser, line, "landed", result="{")
    assert Invocation.objects.get(pk=line).state == "unknown"


def test_without_the_permission_the_page_shows_no_form_and_takes_no_answer() -> None:
    _, line = stage.unknown_call()
    browser = stage.browser(stage.person("view_invocation"))
    assert "you need the permission" in browser.get(f"{EFFECTS}{line}/change/").content.decode()
    token = (
        {"csrfmiddlewaretoken": browser.cookies["csrftoken"].value} if "csrftoken" in browser.cookies else {}
    )
    answer = browser.post(f"{EFFECTS}{line}/resolve/", {"verdict": "fail", "comment": "x", **token})
    assert answer.status_code == 403
    assert Invocation.objects.get(pk=line).state == "unknown"


def test_who_may_resolve_sees_the_inbox_without_a_view_permission() -> None:
    _, line = stage.unknown_call()
    assert line in stage.browser(stage.person("resolve_effect")).get(EFFECTS).content.decode()


def test_a_call_of_another_tenant_is_not_found() -> None:
    _, line = stage.unknown_call(actor=Actor(id="x", tenant="stranger"))
    browser = stage.browser(stage.operator())
    assert browser.get(f"{EFFECTS}{line}/change/").status_code == 404
    assert line not in browser.get(EFFECTS).content.decode()
