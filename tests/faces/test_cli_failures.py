"""How the command line fails: a sentence, a code, what to do, and the promised exit code."""

from __future__ import annotations

import httpx
import pytest

from tests.faces.command_line import API, Desk, aetheris, job, ok, page, problem

JOB = job()["id"]


@pytest.mark.parametrize(
    ("status", "code", "exit_code"),
    [
        (400, "malformed_json", 1),
        (401, "not_authenticated", 1),
        (403, "not_allowed", 4),
        (404, "not_found", 3),
        (409, "job_ended", 4),
        (413, "too_large", 4),
        (422, "invalid", 4),
        (429, "too_many_requests", 1),
        (500, "internal_error", 1),
    ],
)
def test_every_refusal_ends_with_its_number_and_is_said_on_stderr(
    status: int, code: str, exit_code: int
) -> None:
    desk = Desk({f"POST /api/jobs/{JOB}/cancel": problem(status, code, f"job {JOB}: a sentence")})
    ended = aetheris("cancel", JOB, desk=desk)
    assert ended.code == exit_code
    assert ended.out == ""
    assert ended.err.startswith(f"Error: job {JOB}: a sentence [{code}]\n")


def test_refused_fields_are_named_one_a_line() -> None:
    errors = [
        {"loc": ["goal", "order_id"], "msg": "Field required"},
        {"loc": ["goal", 0], "msg": "no\x1b[2J"},
    ]
    desk = Desk({"POST /api/jobs": problem(422, "invalid", "the goal is refused", errors=errors)})
    ended = aetheris("submit", "refund", "--goal", "{}", desk=desk)
    assert "\n  goal.order_id: Field required\n  goal.0: no\\x1b[2J\n" in ended.err


def test_a_missing_token_is_met_with_the_ways_to_give_one() -> None:
    desk = Desk({"GET /api/jobs": problem(401, "not_authenticated", "no token was given")})
    assert "AETHERIS_TOKEN" in aetheris("jobs", desk=desk).err


def test_who_asks_too_often_is_told_when_to_come_back() -> None:
    answer = problem(429, "too_many_requests", "too many requests")
    answer.headers["Retry-After"] = "7"
    assert "in 7 seconds" in aetheris("jobs", desk=Desk({"GET /api/jobs": answer})).err


def test_nobody_at_the_address_is_an_error_with_advice() -> None:
    ended = aetheris("--api", "http://127.0.0.1:9", "jobs")
    assert ended.code == 1
    assert "[unreachable]" in ended.err
    assert "make run" in ended.err


def test_a_change_that_got_no_answer_may_have_happened_and_a_submit_can_be_repeated_safely() -> None:
    def silent(request: httpx.Request) -> httpx.Response:
        raise httpx.ReadTimeout("", request=request)

    desk = Desk({f"POST /api/jobs/{JOB}/cancel": silent, "POST /api/jobs": silent})
    assert "look before you repeat" in aetheris("cancel", JOB, desk=desk).err
    ended = aetheris("submit", "refund", "--goal", "{}", desk=desk)
    key = desk.asked[-1].headers["Idempotency-Key"]
    assert f"--idempotency-key {key}" in ended.err


def test_a_redirect_is_not_followed_with_the_token() -> None:
    away = httpx.Response(302, headers={"Location": "https://elsewhere.test/api/jobs"})
    desk = Desk({"GET /api/jobs": away})
    ended = aetheris("--token", "secret", "jobs", desk=desk)
    assert ended.code == 1
    assert "https://elsewhere.test" in ended.err
    assert len(desk.asked) == 1


def test_the_next_page_is_asked_of_our_own_address_whatever_it_says() -> None:
    second = page(job(id="second"))
    desk = Desk({"GET /api/jobs": [page(job(), following="https://evil.test/x?cursor=abc"), second]})
    ended = aetheris("jobs", "--all", "--json", desk=desk)
    assert [each["id"] for each in ended.json] == [JOB, "second"]
    assert str(desk.asked[1].url) == f"{API}/api/jobs?cursor=abc"


@pytest.mark.parametrize(
    "answer", [httpx.Response(200, text="<html>"), httpx.Response(502, text="bad gateway")]
)
def test_an_answer_that_aetheris_would_not_give_is_said_to_be_one(answer: httpx.Response) -> None:
    ended = aetheris("jobs", desk=Desk({"GET /api/jobs": answer}))
    assert ended.code == 1
    assert "[not_aetheris]" in ended.err


def test_usage_errors_end_with_2_and_ask_the_server_nothing() -> None:
    desk = Desk({"POST /api/jobs": ok(job())})
    for args in (
        ("submit", "refund"),
        ("submit", "refund", "--goal", "{"),
        ("submit", "refund", "--goal", "NaN"),
        ("submit", "refund", "--goal", '{"a": 1, "a": 2}'),
        ("submit", "refund", "--goal", "@/no/such/file"),
        ("submit", "refund", "--goal", "{}", "--timeout", "3s"),
        ("resolve", "x", "maybe"),
        ("resolve", "x", "absent", "--result", "1"),
        ("monitor", "--watch", "--json"),
        ("nothing",),
    ):
        assert aetheris(*args, desk=desk).code == 2, args
    assert desk.asked == []


def test_ctrl_c_ends_with_130() -> None:
    def interrupted(_: httpx.Request) -> httpx.Response:
        raise KeyboardInterrupt

    assert aetheris("jobs", desk=Desk({"GET /api/jobs": interrupted})).code == 130
