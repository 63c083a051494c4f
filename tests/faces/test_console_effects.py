"""Unresolved effects on the console: the inbox, the answer asked twice, double clicks, latecomers, and who may."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from django.test import Client

from jobs.core.commands import Actor
from jobs.models import Event, Job
from ledger.models import Invocation
from tests import factories
from tests.faces import admin_stage as stage

pytestmark = pytest.mark.usefixtures("engine_db")
TOLD = {"verdict": "landed", "result": '{"refund": "R-1"}', "comment": "found it in the bank's list"}


def _page(browser: Client, url: str) -> str:
    answer = browser.get(url)
    assert answer.status_code == 200, (url, answer.status_code)
    return str(answer.content.decode())


def _post(browser: Client, line: str, **told: str) -> Any:
    return stage.post(browser, f"/effects/{line}", told)


def _resolutions(job: str) -> list[dict[str, Any]]:
    rows = Event.objects.filter(job_id=job, type="outcome_resolved").order_by("seq")
    return [json.loads(each.body or "{}") for each in rows]


def test_an_answer_is_shown_again_before_it_counts_and_stands_in_the_record_with_its_evidence() -> None:
    job, line = stage.unknown_call()
    user = stage.person("resolve_effect", staff=False)
    browser = stage.browser(user)
    assert f'href="/effects/{line}"' in _page(browser, f"/jobs/{job}")
    page = _page(browser, f"/effects/{line}")
    assert "Nobody knows whether this call happened: the call raised an error" in page
    assert "the line went dead" in page
    assert re.search(r'Unresolved effects <span class="count">\d+', page)
    assert f"aetheris resolve {line} landed" in page
    between = _post(browser, line, **TOLD).content.decode()
    assert "You say: landed" in between
    assert "found it in the bank&#x27;s list" in between
    assert Invocation.objects.get(pk=line).state == "unknown"
    hidden = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', between))
    hidden = {name: value.replace("&quot;", '"').replace("&#x27;", "'") for name, value in hidden.items()}
    assert {name: hidden[name] for name in TOLD} == TOLD
    done = stage.post(browser, f"/effects/{line}", {name: hidden[name] for name in (*TOLD, "sure")})
    assert "the call landed, and the job goes on" in done.content.decode()
    row = Invocation.objects.get(pk=line)
    assert (row.state, row.result) == ("landed", '{"refund":"R-1"}')
    [told] = _resolutions(job)
    assert (told["by"]["name"], told["comment"]) == (user.username, TOLD["comment"])
    after = _page(browser, f"/effects/{line}")
    assert f"{user.username} said <strong>landed</strong>" in after
    assert Job.objects.get(pk=job).status == "completed"


def test_a_double_click_answers_once_and_a_latecomer_learns_who_was_first() -> None:
    job, line = stage.unknown_call()
    first, second = stage.person("resolve_effect"), stage.person("resolve_effect")
    browser = stage.browser(first)
    _post(browser, line, **TOLD, sure="yes")
    assert "Your answer is recorded." in _post(browser, line, **TOLD, sure="yes").content.decode()
    late = _post(stage.browser(second), line, verdict="fail", result="", comment="no idea", sure="yes")
    assert f"{first.username} said landed at" in late.content.decode()
    assert len(_resolutions(job)) == 1


def test_who_may_not_resolve_sees_why_and_is_refused_when_it_is_sent_by_hand() -> None:
    _, line = stage.unknown_call()
    browser = stage.browser(stage.person(staff=False))
    page = _page(browser, f"/effects/{line}")
    assert "you need the permission" in page
    assert "Your answer" not in page
    assert _post(browser, line, **TOLD, sure="yes").status_code == 403
    assert Invocation.objects.get(pk=line).state == "unknown"


@pytest.mark.parametrize(
    ("told", "wrong"),
    [
        ({**TOLD, "comment": ""}, "This field is required."),
        ({**TOLD, "verdict": "absent"}, "Only a call that landed has a result"),
        ({**TOLD, "result": "{"}, "JSON"),
        ({**TOLD, "verdict": "perhaps"}, "Select a valid choice"),
    ],
)
def test_an_answer_that_does_not_fit_is_shown_again_with_what_is_wrong(
    told: dict[str, str], wrong: str
) -> None:
    _, line = stage.unknown_call()
    answer = _post(stage.browser(stage.operator()), line, **told, sure="yes")
    assert answer.status_code == 422
    assert wrong in answer.content.decode()
    assert Invocation.objects.get(pk=line).state == "unknown"


def test_another_tenants_effect_is_not_found() -> None:
    stranger = Actor(id="s", name="s", tenant=factories.a_tenant())
    _, line = stage.unknown_call(actor=stranger)
    browser = stage.browser(stage.operator())
    assert browser.get(f"/effects/{line}").status_code == 404
    assert _post(browser, line, **TOLD, sure="yes").status_code == 404
    assert line not in _page(browser, "/effects")


def test_the_inbox_is_leafed_through_from_the_oldest_without_gaps(settings: Any) -> None:
    tenant = factories.a_tenant()
    settings.AETHERIS = {**settings.AETHERIS, "DEFAULT_TENANT": tenant}
    asker = Actor(id="asker", name="asker", tenant=tenant)
    lines = [stage.unknown_call(actor=asker)[1] for _ in range(52)]
    browser = stage.browser(stage.person())
    page = _page(browser, "/effects")
    seen = re.findall(r'<td><a href="/effects/([0-9a-f-]{36})"', page)
    older = re.search(r'href="(\?after=[^"]+)" rel="next"', page)
    assert older
    seen += re.findall(r'<td><a href="/effects/([0-9a-f-]{36})"', _page(browser, f"/effects{older[1]}"))
    assert seen == lines
    assert "Every call&#x27;s outcome is known" not in page
