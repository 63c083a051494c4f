"""`aetheris verify --all` and by scope: asked for once, waited for, exit 1 with the first break; and a part of one job."""

from __future__ import annotations

from typing import Any

import pytest

from tests.faces.command_line import Answer, Desk, aetheris, ok, page

KEY = "0197c1a2-0000-7000-8000-00000000000a"
JOB = "0197c1a2-0000-7000-8000-000000000001"
HERE = "/api/forensics/verifications"


def verification(**changes: Any) -> dict[str, Any]:
    made = {
        "id": KEY, "state": "running", "scope": {}, "total": 3, "jobs": 1, "events": 40, "broken": 0, "seconds": 0.5,
        "rate": 80.0, "problem": "", "finished_at": None,
    }  # fmt: skip
    return made | changes


def a_break() -> dict[str, Any]:
    return {
        "job": JOB, "kind": "derived_row", "seq": 7, "table": "aetheris_jobs_job", "row": JOB, "column": "status",
        "message": "the job row: status is 'failed', the events say 'parked'", "found_at": "2026-01-05T09:00:00.000000Z",
    }  # fmt: skip


def a_desk(*states: dict[str, Any], breaks: Answer | None = None) -> Desk:
    return Desk(
        {
            f"POST {HERE}": ok(verification(state="queued", jobs=0), 202),
            f"GET {HERE}/{KEY}": [ok(each) for each in states],
            f"GET {HERE}/{KEY}/breaks": breaks or page(),
        }
    )


def test_everything_is_asked_for_and_waited_for() -> None:
    desk = a_desk(verification(), verification(state="done", jobs=3))
    ended = aetheris("verify", "--all", desk=desk)
    assert ended.code == 0, ended.err
    assert "3 of 3" in ended.out
    assert desk.bodies() == [{}]
    assert aetheris("verify", "--all", "--json", desk=a_desk(verification(state="done"))).json["breaks"] == []


def test_a_scope_is_sent_as_it_was_said() -> None:
    desk = a_desk(verification(state="done"))
    assert (
        aetheris("verify", "--since", "24h", "--agent", "refund", "--status", "failed", desk=desk).code == 0
    )
    assert desk.bodies() == [{"since": "24h", "agent": "refund", "status": "failed"}]


def test_a_break_ends_with_1_and_is_listed_with_its_place() -> None:
    desk = a_desk(verification(state="done", jobs=3, broken=1), breaks=page(a_break()))
    ended = aetheris("verify", "--all", desk=desk)
    assert ended.code == 1
    assert "aetheris_jobs_job status" in ended.out
    assert "broken_chain" in ended.err
    assert JOB in ended.err
    told = aetheris("verify", "--all", "--json", desk=a_desk(verification(state="done", broken=1), breaks=page(a_break())))  # fmt: skip
    assert (told.code, told.json["breaks"]) == (1, [a_break()])


def test_one_that_was_cancelled_is_no_success() -> None:
    ended = aetheris("verify", "--all", desk=a_desk(verification(state="cancelled")))
    assert ended.code == 1
    assert "verification_cancelled" in ended.err


def test_a_part_of_one_job_is_sent_as_numbers() -> None:
    answer = {"ok": True, "job": JOB, "events": 2, "head": {"seq": 4, "hash": "a" * 64}, "problem": None}
    desk = Desk({f"POST /api/jobs/{JOB}/verify": ok(answer)})
    assert aetheris("verify", JOB, "--after", "2", "--until", "4", desk=desk).code == 0
    assert desk.bodies() == [{"after": 2, "until": 4}]


@pytest.mark.parametrize(
    "wrong",
    [
        (), ("--after", "3"), ("--all", "--agent", "x"), (JOB, "--all"), (JOB, "--since", "1h"), (JOB, "--until", "1h"),
        (JOB, "--after", "0"), ("evidence.zip", "--all"), ("--all", "--head", "1:0"),
    ],
)  # fmt: skip
def test_what_does_not_go_together_is_a_usage_error(wrong: tuple[str, ...]) -> None:
    assert aetheris("verify", *wrong, desk=Desk({})).code == 2
