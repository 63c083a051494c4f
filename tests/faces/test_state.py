"""`/state` and `aetheris state`: what a job was at an event, what changed, and what is refused."""

from __future__ import annotations

import pytest

from tests.faces import admin_stage as stage
from tests.faces.api_stage import Caller, named, nothing_written, refused
from tests.faces.command_line import Desk, aetheris, ok
from tests.faces.command_line import job as a_job

JOB = a_job()["id"]
AT = "2026-11-22T17:18:56.123456Z"
TOLD = {
    "job": JOB, "head": 7, "seq": 3, "at": AT, "digest": "ab" * 32, "erased": [2], "agent": "refund", "version": "1",
    "status": "parked", "phase": "open", "goal": {"order_id": "A\x1b"}, "state": {}, "output": None, "failure": None,
    "parked_on": [{"node": "ask", "kind": "approval", "approval": JOB}],
    "nodes": {"ask": {"kind": "approval", "status": "parked", "attempt": 0, "result": None, "error": None}},
}  # fmt: skip
CHANGED = {
    "job": JOB, "from": {"seq": 1}, "seq": 3, "more": 4,
    "changes": [{"path": ["nodes", "ask", "status"], "change": "changed", "before": "waiting", "after": "parked"}],
}  # fmt: skip


@pytest.mark.usefixtures("engine_db")
def test_the_state_is_told_at_any_event_and_nothing_is_written() -> None:
    caller, job = Caller(), stage.job(stage.waiting("go"))
    with nothing_written():
        now = caller.get(f"jobs/{job}/state").json()
        first = caller.get(f"jobs/{job}/state?at=1").json()
        changed = caller.get(f"jobs/{job}/state?at={now['head']}&from=1").json()
    assert (now["seq"], now["status"]) == (now["head"], "parked")
    assert (first["seq"], first["status"], first["nodes"]["_plan"]["status"]) == (1, "pending", "ready")
    assert (changed["from"]["digest"], changed["digest"]) == (first["digest"], now["digest"])
    assert ["status"] in [each["path"] for each in changed["changes"]]


@pytest.mark.usefixtures("engine_db")
def test_an_event_that_is_not_there_and_a_parameter_that_nobody_reads_are_refused() -> None:
    caller, job = Caller(), stage.job(stage.waiting("go"))
    assert named(refused(caller.get(f"jobs/{job}/state?at=999"), 422, "no_such_event")) == {"at"}
    assert named(refused(caller.get(f"jobs/{job}/state?at=0"), 422, "invalid")) == {"at"}
    assert named(refused(caller.get(f"jobs/{job}/state?at=1&from=2"), 422, "no_such_event")) == {"from"}
    refused(caller.get(f"jobs/{job}/state?seq=2"), 422, "unknown_parameter")
    refused(Caller(tenant="elsewhere").get(f"jobs/{job}/state"), 404, "not_found")


def test_the_command_shows_the_state_and_says_what_was_erased() -> None:
    desk = Desk({f"GET /api/jobs/{JOB}/state": ok(TOLD)})
    ended = aetheris("state", JOB, "--at", "3", desk=desk)
    assert (ended.code, dict(desk.asked[0].url.params)) == (0, {"at": "3"})
    assert "3 of 7" in ended.out
    assert "bodies of events 2" in ended.out
    assert "\x1b" not in ended.out
    assert aetheris("state", JOB, "--json", desk=desk).json == TOLD


def test_the_command_shows_what_changed() -> None:
    desk = Desk({f"GET /api/jobs/{JOB}/state": ok(CHANGED)})
    ended = aetheris("state", JOB, "--from", "1", "--at", "3", desk=desk)
    assert dict(desk.asked[0].url.params) == {"at": "3", "from": "1"}
    assert "nodes.ask.status" in ended.out
    assert "4 more changes" in ended.err
    assert aetheris("state", JOB, "--at", "0", desk=desk).code == 2
