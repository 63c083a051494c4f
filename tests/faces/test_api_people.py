"""What people decide over HTTP: approvals and unknown outcomes."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest

from forensics.services import verify_job
from jobs import clock
from jobs.core.commands import Actor
from jobs.models import Event
from ledger.models import Invocation
from tests.faces import admin_stage as stage
from tests.faces.api_stage import Caller, named, nothing_written, refused

pytestmark = pytest.mark.usefixtures("engine_db")


def _approver() -> Caller:
    return Caller(stage.person(group="finance", staff=False))


def _asked(**more: Any) -> tuple[str, dict[str, Any]]:
    job = stage.job(stage.asking(**more), stage.paying())
    return job, Caller().get(f"approvals/{stage.approval_of(job)}").json()


def _decide(caller: Caller, approval: dict[str, Any], decision: str = "approve", **more: Any) -> Any:
    body = {"decision": decision, "digest": approval["digest"], **more}
    return caller.post(f"approvals/{approval['id']}/decide", body)


def test_an_open_approval_shows_what_is_asked_and_what_it_releases() -> None:
    job, approval = _asked()
    assert approval["shown"] == {"order": {"id": "A-7"}}
    assert (approval["job"], approval["node"], approval["question"]) == (job, "ask", "Refund?")
    assert [each["node"] for each in approval["releases"]] == ["pay"]
    assert approval["groups"] == ["finance"]


def test_the_list_of_a_job_says_who_may_decide_and_who_not() -> None:
    job, _ = _asked()
    [mine] = _approver().get(f"approvals?state=open&job={job}").json()["results"]
    assert (mine["can_decide"], mine["why_not"]) == (True, None)
    [theirs] = Caller().get(f"approvals?state=open&job={job}").json()["results"]
    assert (theirs["can_decide"], theirs["why_not"]) == (False, "it asks group finance")


def test_an_approval_decides_and_its_vote_has_author_and_time() -> None:
    job, approval = _asked()
    caller = _approver()
    answer = _decide(caller, approval, comment="fine")
    assert answer.status_code == 200
    assert answer.json()["state"] == "approved"
    [vote] = answer.json()["votes"]
    assert (vote["decision"], vote["actor"]["name"], vote["comment"]) == (
        "approve",
        caller.user.get_username(),
        "fine",
    )
    assert vote["at"] == Event.objects.get(job_id=job, type="approval_decided").at
    assert answer.json()["why_not"] == "it is approved"


def test_a_second_decision_is_refused_and_names_the_first() -> None:
    _, approval = _asked()
    first, second = _approver(), _approver()
    _decide(first, approval, "reject")
    with nothing_written():
        problem = refused(_decide(second, approval), 409, "approval_closed")
    assert first.user.get_username() in problem["detail"]


def test_a_decision_on_something_else_than_what_is_shown_is_refused() -> None:
    _, approval = _asked()
    caller = _approver()
    with nothing_written():
        refused(_decide(caller, {**approval, "digest": "0" * 64}), 409, "stale_digest")


def test_who_is_not_asked_may_not_decide() -> None:
    _, approval = _asked()
    caller = Caller()
    with nothing_written():
        refused(_decide(caller, approval), 403, "not_an_approver")


def test_under_four_eyes_the_requester_may_not_decide() -> None:
    caller = _approver()
    actor = Actor(id=str(caller.user.pk), name=caller.user.get_username())
    job = stage.job(stage.asking(four_eyes=True), stage.paying(), actor=actor)
    approval = caller.get(f"approvals/{stage.approval_of(job)}").json()
    assert approval["can_decide"] is False
    with nothing_written():
        refused(_decide(caller, approval), 403, "four_eyes")


def test_of_a_quorum_each_votes_once() -> None:
    _, approval = _asked(quorum=2)
    first, second = _approver(), _approver()
    assert _decide(first, approval).json()["state"] == "open"
    seen = first.get(f"approvals/{approval['id']}").json()
    assert seen["why_not"] == "you have voted already"
    with nothing_written():
        refused(_decide(first, approval), 403, "voted_already")
    assert _decide(second, approval).json()["state"] == "approved"


def test_a_vote_that_is_delegated_counts_for_the_other_and_once() -> None:
    job, approval = _asked()
    giver, taker = _approver(), Caller(stage.person(staff=False))
    name = taker.user.get_username()
    path = f"approvals/{approval['id']}/delegate"
    body = {"to": name, "digest": approval["digest"], "comment": "on leave"}
    assert not taker.get(f"approvals?mine=true&job={job}").json()["results"]
    answer = giver.post(path, body).json()
    assert (answer["delegates"], answer["can_decide"], answer["state"]) == ([name], False, "open")
    assert (answer["votes"][0]["effect"], answer["votes"][0]["to"]["name"]) == ("delegated", name)
    refused(giver.post(path, body), 403, "voted_already")
    assert not giver.get(f"approvals?mine=true&job={job}").json()["results"]
    assert [each["id"] for each in taker.get(f"approvals?mine=true&job={job}").json()["results"]] == [
        approval["id"]
    ]
    assert _decide(taker, approval).json()["state"] == "approved"
    assert verify_job(job)["ok"]


def test_a_delegation_that_cannot_be_meant_changes_nothing() -> None:
    _, approval = _asked()
    giver, other, stranger = _approver(), _approver(), Caller()
    path = f"approvals/{approval['id']}/delegate"

    def hand(caller: Caller, to: str, **more: Any) -> Any:
        return caller.post(path, {"to": to, "digest": approval["digest"], **more})

    with nothing_written():
        assert named(refused(hand(giver, "nobody-of-that-name"), 422, "no_such_user")) == {"to"}
        refused(hand(giver, other.user.get_username()), 422, "asked_already")
        refused(hand(stranger, other.user.get_username()), 403, "not_an_approver")
        refused(hand(giver, stranger.user.get_username(), digest="0" * 64), 409, "stale_digest")
        assert named(refused(giver.post(path, {"digest": approval["digest"]}), 422, "invalid")) == {"to"}
    assert named(refused(giver.get("approvals?mine=perhaps"), 422, "invalid")) == {"mine"}


def test_after_its_deadline_an_approval_is_closed_though_no_tick_came() -> None:
    _, approval = _asked(deadline="1h")
    caller = _approver()
    clock.shift(3601)
    try:
        seen = caller.get(f"approvals/{approval['id']}").json()
        assert (seen["state"], seen["why_not"]) == ("open", "its deadline has passed")
        refused(_decide(caller, approval), 409, "approval_closed")
    finally:
        clock.shift(-3601)


@pytest.mark.parametrize(
    ("body", "places"),
    [
        ({"decision": "maybe", "digest": "x"}, {"decision"}),
        ({"decision": "approve"}, {"digest"}),
        ({"decision": "approve", "digest": 7}, {"digest"}),
        ({"decision": "approve", "digest": "x", "coment": "?"}, {"coment"}),
    ],
)
def test_a_malformed_decision_is_refused_by_name(body: dict[str, Any], places: set[str]) -> None:
    _, approval = _asked()
    caller = _approver()
    with nothing_written():
        assert (
            named(refused(caller.post(f"approvals/{approval['id']}/decide", body), 422, "invalid")) == places
        )


def test_a_state_that_no_approval_has_is_refused() -> None:
    assert named(refused(Caller().get("approvals?state=closed"), 422, "invalid")) == {"state"}


def test_approvals_come_in_pages_the_oldest_first() -> None:
    tenant = f"t-{uuid4().hex[:8]}"
    actor = Actor(id="a", name="a", tenant=tenant)
    jobs = [stage.job(stage.asking(), stage.paying(), actor=actor) for _ in range(3)]
    caller = Caller(tenant=tenant)
    first = caller.get("approvals?limit=2").json()
    second = caller.get(first["next"]).json()
    assert [each["job"] for each in first["results"] + second["results"]] == jobs
    assert second["next"] is None


def _line(caller: Caller, invocation: str) -> dict[str, Any]:
    lines = caller.get("unresolved?limit=200").json()["results"]
    found: dict[str, Any] = next(each for each in lines if each["id"] == invocation)
    return found


def test_an_unknown_outcome_says_what_was_called_and_why_nobody_knows() -> None:
    caller = Caller()
    job, invocation = stage.unknown_call()
    line = _line(caller, invocation)
    assert (line["job"], line["tool"], line["args"]) == (job, "pay_back", {"cents": 1200})
    assert line["business_key"] == f"pay:{job}"
    assert line["reason"] == "raised"
    assert line["evidence"]["error"]["class"] == "ConnectionReset"


def test_a_person_says_that_it_landed_and_the_job_goes_on_with_the_result() -> None:
    caller = Caller()
    job, invocation = stage.unknown_call()
    body = {"verdict": "landed", "result": {"refund": 1e16}, "comment": "seen in the bank's list"}
    answer = caller.post(f"unresolved/{invocation}/resolve", body)
    assert (answer.status_code, answer.json()["state"]) == (200, "landed")
    assert Invocation.objects.get(pk=invocation).result == '{"refund":1e+16}'
    assert caller.get(f"jobs/{job}").json()["status"] in ("completed", "running")
    with nothing_written():
        assert caller.post(f"unresolved/{invocation}/resolve", {"verdict": "fail"}).status_code == 409


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"verdict": "maybe"}, "invalid"),
        ({"verdict": "absent", "result": {}}, "result_without_landing"),
        ({}, "invalid"),
    ],
)
def test_an_answer_that_makes_no_sense_is_refused(body: dict[str, Any], code: str) -> None:
    caller = Caller()
    _, invocation = stage.unknown_call()
    with nothing_written():
        refused(caller.post(f"unresolved/{invocation}/resolve", body), 422, code)


def test_what_is_unknown_is_stuck_and_the_advice_names_it() -> None:
    tenant = f"t-{uuid4().hex[:8]}"
    job, invocation = stage.unknown_call(actor=Actor(id="a", tenant=tenant))
    [found] = Caller(tenant=tenant).get("system/stuck").json()["results"]
    assert (found["cause"], found["job"], found["node"]) == ("unknown_outcome", job, "pay")
    assert invocation in found["advice"]
