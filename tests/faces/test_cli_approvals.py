"""Answering questions: what is shown is what the answer is bound to, and nobody answers by accident."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from aetheris_site.cli import session
from tests.faces.command_line import Desk, aetheris, job, ok, page, problem

JOB = job()["id"]
ASKED = "0197c1a2-0000-7000-8000-0000000000a1"
DIGEST = "cd" * 32


def approval(**changes: Any) -> dict[str, Any]:
    made: dict[str, Any] = {
        "id": ASKED,
        "job": JOB,
        "node": "manager",
        "state": "open",
        "question": "Refund?",
        "shown": {"order": {"cents": 12000, "note": "\x1b[2Jhidden \u202eesrever"}},
        "releases": [{"node": "pay", "args": {"cents": 12000}}],
        "digest": DIGEST,
        "groups": ["finance"],
        "users": [],
        "quorum": 1,
        "four_eyes": True,
        "requester": "operator",
        "deadline": None,
        "on_timeout": "reject",
        "form": None,
        "votes": [],
        "can_decide": True,
        "why_not": None,
    }
    return made | changes


def desk(*rows: dict[str, Any], decided: Any = None) -> Desk:
    def of_job(request: httpx.Request) -> httpx.Response:
        if request.url.params.get("job", JOB).lower() != JOB:
            return problem(404, "not_found", "there is no such job")
        return page(*(row for row in rows if row["state"] == request.url.params.get("state", row["state"])))

    answers: Any = {
        "GET /api/approvals": of_job,
        **{f"GET /api/approvals/{row['id']}": ok(row) for row in rows},
        f"POST /api/approvals/{ASKED}/decide": decided or ok(approval(state="approved")),
        f"POST /api/approvals/{ASKED}/delegate": decided or ok(approval(delegates=["eve"])),
    }
    return Desk(answers)


@pytest.mark.parametrize("target", [ASKED, JOB, JOB.upper()])
def test_what_is_shown_is_printed_and_its_digest_sent(target: str) -> None:
    server = desk(approval())
    ended = aetheris("approve", target, "--yes", "--comment", "checked", desk=server)
    assert ended.code == 0
    assert '"cents": 12000' in ended.out
    assert DIGEST in ended.out
    assert server.bodies() == [{"decision": "approve", "digest": DIGEST, "comment": "checked"}]


def test_nothing_that_is_shown_can_repaint_the_terminal() -> None:
    ended = aetheris("reject", ASKED, "--yes", desk=desk(approval(question="Refund\x1b[31m?\r")))
    assert not {"\x1b", "\r", "\u202e"} & set(ended.out + ended.err)
    assert "Refund\\x1b[31m?\\x0d" in ended.out


@pytest.mark.parametrize("verb", ["approve", "reject"])
def test_without_a_terminal_one_of_the_two_flags_is_required(verb: str) -> None:
    server = desk(approval())
    ended = aetheris(verb, ASKED, desk=server)
    assert ended.code == 2
    assert "--digest" in ended.err
    assert "--yes" in ended.err
    assert server.asked == []


def test_a_given_digest_is_sent_instead_of_that_of_what_is_shown_now() -> None:
    server = desk(approval(), decided=problem(409, "stale", "the approval shows something else now"))
    ended = aetheris("approve", ASKED, "--digest", "ef" * 32, desk=server)
    assert ended.code == 4
    assert server.bodies()[0]["digest"] == "ef" * 32


@pytest.mark.parametrize(("typed", "code", "sent"), [(True, 0, 1), (False, 1, 0)])
def test_on_a_terminal_a_person_is_asked(
    monkeypatch: pytest.MonkeyPatch, typed: bool, code: int, sent: int
) -> None:
    monkeypatch.setattr(session.Session, "has_person", property(lambda _: True))
    monkeypatch.setattr("click.confirm", lambda *_, **__: typed)
    server = desk(approval())
    assert aetheris("approve", JOB, desk=server).code == code
    assert len(server.bodies()) == sent


def test_a_job_with_several_questions_names_them() -> None:
    server = desk(approval(), approval(id="other", node="director"))
    ended = aetheris("approve", JOB, "--yes", desk=server)
    assert ended.code == 4
    assert ASKED in ended.err
    assert "director" in ended.err
    assert server.bodies() == []


def test_a_job_that_asks_nothing_and_a_job_that_is_not_there_differ() -> None:
    answered = approval(state="approved")
    assert aetheris("approve", JOB, "--yes", desk=desk(answered)).code == 4
    assert aetheris("approve", "nowhere", "--yes", desk=desk(answered)).code == 3


def test_a_decided_question_is_refused_by_the_server_in_its_own_words() -> None:
    server = desk(approval(state="approved"), decided=problem(409, "stale", "it is approved already"))
    ended = aetheris("approve", ASKED, "--yes", desk=server)
    assert (ended.code, "it is approved already [stale]" in ended.err) == (4, True)


def test_a_form_is_sent_and_a_vote_that_is_not_the_last_says_so() -> None:
    server = desk(approval(quorum=2), decided=ok(approval(quorum=2)))
    ended = aetheris("approve", ASKED, "--yes", "--form", '{"limit": 3}', desk=server)
    assert server.bodies()[0]["form"] == {"limit": 3}
    assert "more are needed" in ended.out


def test_with_json_the_answer_is_the_approval_and_what_was_shown_is_beside_it() -> None:
    ended = aetheris("approve", ASKED, "--yes", "--json", desk=desk(approval()))
    assert ended.json["state"] == "approved"
    assert '"cents": 12000' in ended.err


def test_open_questions_are_listed_and_all_of_them_on_request() -> None:
    server = desk(approval())
    assert ASKED in aetheris("approvals", desk=server).out
    aetheris("approvals", "--all", desk=server)
    assert [dict(request.url.params) for request in server.asked] == [{"state": "open"}, {}]


def test_a_vote_is_handed_on_with_the_digest_of_what_is_shown() -> None:
    server = desk(approval())
    ended = aetheris("delegate", JOB, "eve", "--yes", "--comment", "on leave", desk=server)
    assert (ended.code, "Your vote is eve's now." in ended.out) == (0, True)
    assert server.bodies() == [{"to": "eve", "digest": DIGEST, "comment": "on leave"}]
    assert aetheris("delegate", JOB, "eve", desk=desk(approval())).code == 2
    said = aetheris(
        "delegate",
        ASKED,
        "bob",
        "--yes",
        desk=desk(approval(), decided=problem(422, "no_such_user", "there is no bob")),
    )
    assert (said.code, "there is no bob" in said.err) == (4, True)


def test_what_waits_for_me_is_asked_for_as_such() -> None:
    server = desk(approval())
    assert ASKED in aetheris("approvals", "--mine", desk=server).out
    assert dict(server.asked[0].url.params) == {"state": "open", "mine": "true"}
