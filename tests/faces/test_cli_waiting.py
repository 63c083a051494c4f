"""`submit --wait`: it waits for the end, says where the job is parked, and ends as the job did."""

from __future__ import annotations

import httpx
import pytest

from aetheris_site.cli.client import Api
from aetheris_site.cli.failures import Failure
from aetheris_site.cli.waiting import Clock, until_end
from tests.faces.command_line import API, Answer, Desk, Ended, aetheris, job, ok, problem
from tests.faces.test_cli_stream import Hand

JOB = job()["id"]
ASKED = {"node": "manager", "kind": "approval", "approval": "a1", "deadline": "2026-11-25T17:18:56.123456Z"}


def waited(*answers: Answer, args: tuple[str, ...] = ()) -> Ended:
    """Submit and wait, while the job is in these states one after the other."""
    desk = Desk({"POST /api/jobs": ok(job(), 202), f"GET /api/jobs/{JOB}": list(answers)})
    return aetheris("submit", "refund", "--goal", "{}", "--wait", *args, desk=desk)


@pytest.mark.parametrize(("status", "code"), [("completed", 0), ("failed", 1), ("cancelled", 1)])
def test_the_end_of_the_job_is_the_end_of_the_command(status: str, code: int) -> None:
    ended = waited(ok(job(status=status, error={"message": "no such order"} if code else None)))
    assert ended.code == code
    assert ended.out.startswith(f"{JOB}\n")
    assert ("no such order" in ended.err) == (code == 1)


def test_with_json_the_answer_is_the_ended_job_alone() -> None:
    ended = waited(ok(job(status="completed", output={"refund": "R-1"})), args=("--json",))
    assert ended.json["output"] == {"refund": "R-1"}


def test_a_parked_job_says_once_on_stderr_for_what_and_how_it_goes_on() -> None:
    parked = ok(job(status="parked", parked_on=[ASKED]))
    ended = waited(parked, parked, ok(job(status="completed")))
    assert ended.err.count("Parked on manager: approval a1 until 2026-11-25 17:18:56Z") == 1
    assert f"aetheris approve {JOB}" in ended.err


def test_waiting_longer_than_allowed_is_an_error_and_the_job_goes_on() -> None:
    hand = Hand()
    with pytest.raises(Failure, match="still running after 90 seconds") as failure:
        until_end(_api(Desk({f"GET /api/jobs/{JOB}": ok(job())})), JOB, timeout=90, clock=hand.clock)
    assert failure.value.code == "timeout"
    assert hand.time == pytest.approx(90)


def test_a_server_that_is_away_for_a_while_does_not_end_the_waiting() -> None:
    hand, away = Hand(), [0]

    def answer(request: httpx.Request) -> httpx.Response:
        away[0] += 1
        if away[0] < 30:
            raise httpx.ConnectError("refused", request=request)
        return ok(job(status="completed"))

    assert until_end(_api(Desk({f"GET /api/jobs/{JOB}": answer})), JOB, timeout=None, clock=hand.clock)


def test_a_refusal_ends_the_waiting_at_once() -> None:
    assert waited(problem(404, "not_found", "no such job")).code == 3


def _api(desk: Desk) -> Api:
    return Api(httpx.Client(base_url=API, transport=httpx.MockTransport(desk)))


def test_without_wait_only_the_id_is_printed() -> None:
    desk = Desk({"POST /api/jobs": ok(job(), 202)})
    ended = aetheris(
        "submit", "refund@1", "--goal", '{"order_id": "A"}', "--tag", "x", "--priority", "3", desk=desk
    )
    assert (ended.code, ended.out, ended.err) == (0, f"{JOB}\n", "")
    assert desk.bodies() == [{"agent": "refund@1", "goal": {"order_id": "A"}, "tags": ["x"], "priority": 3}]


def test_the_given_key_is_sent_and_without_one_each_call_has_its_own() -> None:
    desk = Desk({"POST /api/jobs": ok(job(), 202)})
    for args in (("--idempotency-key", "k"), (), ()):
        aetheris("submit", "refund", "--goal", "null", *args, desk=desk)
    keys = [request.headers["Idempotency-Key"] for request in desk.asked]
    assert keys[0] == "k"
    assert len(set(keys)) == 3
    assert desk.bodies()[0]["goal"] is None


def test_the_clock_of_waiting_is_the_real_one_unless_given() -> None:
    assert Clock().now() <= Clock().now()
