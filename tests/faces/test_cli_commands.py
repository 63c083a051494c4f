"""What each command asks the API, and how its answer reads."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.faces.command_line import Desk, Ended, aetheris, job, ok, page

JOB = job()["id"]
AT = "2026-11-22T17:18:56.123456Z"
CALL = {
    "path": "triage/step#1",
    "kind": "tool",
    "name": "fetch",
    "status": "done",
    "attempts": 2,
    "seconds": 0.25,
}
TREE = [
    {"node": "order", "kind": "tool", "status": "done", "attempts": 1, "calls": []},
    {"node": "triage", "kind": "workflow", "status": "failed", "attempts": 1, "calls": [CALL],
     "error": {"type": "ValueError", "message": "no\x1b order"}},
]  # fmt: skip


def asked(expected: str, answer: Any, *args: str) -> tuple[Ended, Desk]:
    """Run a command against a server that has this one answer."""
    desk = Desk({expected: ok(answer)})
    ended = aetheris(*args, desk=desk)
    return ended, desk


@pytest.mark.parametrize(
    ("args", "path", "body"),
    [
        (("signal", JOB, "paid", "--payload", "[1]", "--id", "u"), "signals", {"name": "paid", "payload": [1], "id": "u"}),
        (("signal", JOB, "paid"), "signals", {"name": "paid", "payload": None}),
        (("message", JOB, "inbox", "--payload", '"hi"'), "messages", {"channel": "inbox", "payload": "hi"}),
        (("pause", JOB, "--reason", "lunch"), "pause", {"reason": "lunch"}),
        (("resume", JOB), "resume", {}),
        (("cancel", JOB, "--reason", "twice"), "cancel", {"reason": "twice"}),
        (("cancel", JOB), "cancel", {}),
        (("cancel", JOB, "--compensate"), "cancel", {"compensate": True}),
        (("cancel", JOB, "--no-compensate", "--reason", "x"), "cancel", {"reason": "x", "compensate": False}),
    ],
)  # fmt: skip
def test_a_word_to_a_job_is_sent_as_the_api_wants_it(args: tuple[str, ...], path: str, body: Any) -> None:
    ended, desk = asked(f"POST /api/jobs/{JOB}/{path}", {"id": JOB}, *args)
    assert ended.code == 0
    assert JOB in ended.out
    assert desk.bodies() == [body]


@pytest.mark.parametrize(
    ("args", "body"),
    [
        (("landed", "--result", "null"), {"verdict": "landed", "comment": "", "result": None}),
        (("absent", "--comment", "asked the bank"), {"verdict": "absent", "comment": "asked the bank"}),
        (("fail",), {"verdict": "fail", "comment": ""}),
    ],
)
def test_a_verdict_on_a_call_is_sent_with_its_result(args: tuple[str, ...], body: Any) -> None:
    ended, desk = asked("POST /api/unresolved/inv/resolve", {}, "resolve", "inv", *args)
    assert ended.code == 0
    assert desk.bodies() == [body]


def test_a_goal_comes_from_a_file_too(tmp_path: Path) -> None:
    (tmp_path / "goal.json").write_text('\ufeff{"order_id": "A-1001"}', "utf-8")
    _, desk = asked("POST /api/jobs", job(), "submit", "refund", "--goal", f"@{tmp_path / 'goal.json'}")
    assert desk.bodies()[0]["goal"] == {"order_id": "A-1001"}


def test_names_stay_one_part_of_the_path() -> None:
    _, desk = asked("GET /none", {}, "job", "../../admin?x#y")
    assert desk.asked[0].url.raw_path == b"/api/jobs/..%2F..%2Fadmin%3Fx%23y"
    ended, _ = asked(
        f"GET /api/jobs/{JOB}/nodes/triage/step#1", {"node": "triage/step#1"}, "node", JOB, "triage/step#1"
    )
    assert ended.code == 0


def test_a_trace_is_a_tree_and_a_timeline() -> None:
    timeline = [{"seq": 1, "at": AT, "type": "job_created", "node": "", "summary": "refund@1"}]
    found = {"job": JOB, "status": "failed", "tree": TREE, "timeline": timeline}
    text = asked(f"GET /api/jobs/{JOB}/trace", found, "trace", JOB)[0].out
    lines = text.splitlines()
    assert "order            done        tool" in lines
    assert "triage           failed      workflow  ValueError: no\\x1b order" in lines
    assert "  triage/step#1  done        tool  fetch  250 ms  2 attempts" in lines
    assert lines[-1].split() == ["1", AT, "job_created", "refund@1"]


def test_a_node_shows_its_attempts() -> None:
    attempts = [
        {"fence": 3, "worker": "w", "started_at": AT, "ended_at": AT, "end": "lease_lost", "error": None}
    ]
    found = {
        "node": "pay",
        "kind": "tool",
        "status": "done",
        "attempts": attempts,
        "output": {"ok": True},
        "calls": [CALL],
    }
    text = asked(f"GET /api/jobs/{JOB}/nodes/pay", found, "node", JOB, "pay")[0].out
    assert "lease_lost" in text
    assert '"ok": true' in text
    assert "triage/step#1" in text


def test_events_are_read_page_by_page_and_raw_on_request() -> None:
    event = {"seq": 1, "at": AT, "type": "job_created", "node": "", "body": {"a": 1}, "raw": '{"a":1}'}
    desk = Desk({f"GET /api/jobs/{JOB}/events": [page(event, following="http://x/?after=1&raw=1"), page()]})
    ended = aetheris("events", JOB, "--raw", desk=desk)
    assert ended.out == f'    1  {AT}  job_created               -  {{"a":1}}\n'
    assert [str(request.url.query, "ascii") for request in desk.asked] == ["after=0&raw=1", "after=1&raw=1"]
    assert aetheris("events", JOB, "--raw", "--follow", desk=desk).code == 2


@pytest.mark.parametrize(("verb", "code"), [("verify", "broken_chain"), ("replay", "diverged")])
def test_a_proof_that_fails_ends_with_1_and_names_where(verb: str, code: str) -> None:
    good, bad = {"ok": True, "events": 7, "problem": None}, {"ok": False, "problem": "event 5: its hash"}
    assert asked(f"POST /api/jobs/{JOB}/{verb}", good, verb, JOB)[0].code == 0
    ended, _ = asked(f"POST /api/jobs/{JOB}/{verb}", bad, verb, JOB, "--json")
    assert (ended.code, ended.json) == (1, bad)
    assert f"event 5: its hash [{code}]" in ended.err


def test_a_package_is_not_mistaken_for_a_job() -> None:
    ended = aetheris("verify", "evidence.zip", desk=Desk({}))
    assert ended.code == 2
    assert "evidence.zip cannot be read: No such file" in ended.err
    assert aetheris("verify", JOB, "--head", "1:0", desk=Desk({})).code == 2


def test_agents_are_listed_with_every_version() -> None:
    versions = [{"version": "1", "form": "planner", "default": False, "offered": True, "description": "Refunds.\nLong.",
                 "schema": {"type": "object"}}]  # fmt: skip
    agent = {"name": "refund", "versions": versions}
    desk = Desk({"GET /api/definitions": page(agent), "GET /api/definitions/refund": ok(agent)})
    assert aetheris("definitions", desk=desk).out.splitlines()[1].split() == [
        "refund",
        "1",
        "planner",
        "yes",
        "Refunds.",
    ]
    assert '"type": "object"' in aetheris("definitions", "refund", desk=desk).out
    assert aetheris("definitions", "refund", "--json", desk=desk).json == agent


def test_tools_are_listed_with_their_effect() -> None:
    tool = {
        "name": "pay",
        "version": "1",
        "effect": "at_most_once",
        "requires": ["gpu"],
        "schema": {"x": 1},
        "description": "",
    }
    desk = Desk({"GET /api/tools": page(tool), "GET /api/tools/pay": ok(tool)})
    assert aetheris("tools", desk=desk).out.splitlines()[1].split() == ["pay", "1", "at_most_once", "gpu"]
    assert '"x": 1' in aetheris("tools", "pay", desk=desk).out


@pytest.mark.parametrize(
    ("changes", "state"), [({}, "alive"), ({"draining": True}, "draining"), ({"alive": False}, "dead")]
)
def test_a_worker_is_alive_draining_or_dead(changes: dict[str, Any], state: str) -> None:
    worker = {"name": "w@h", "alive": True, "draining": False, "host": "h", "pid": 7, "slots": 4, "running": [],
              "offers": ["refund@1"], "alive_until": AT} | changes  # fmt: skip
    assert (
        aetheris("workers", desk=Desk({"GET /api/workers": page(worker)})).out.splitlines()[1].split()[1]
        == state
    )


def test_health_names_what_is_missing() -> None:
    missing = {"status": "not ready", "missing": ["worker"], "detail": {"worker": "none is alive; start one"}}
    ended = aetheris("health", desk=Desk({"GET /readyz": ok(missing, 503)}))
    assert ended.code == 1
    assert "  worker: none is alive; start one\n" in ended.err
    assert aetheris("health", "--json", desk=Desk({"GET /readyz": ok({"status": "ready"})})).code == 0


def test_a_new_token_is_the_only_thing_on_stdout() -> None:
    ended, desk = asked(
        "POST /api/tokens",
        {"id": 3, "token": "aeth_x"},
        "token",
        "create",
        "--name",
        "laptop",
        "--expires",
        "30d",
    )
    assert ended.out == "aeth_x\n"
    assert set(desk.bodies()[0]) == {"name", "expires_at"}
    listed, _ = asked("GET /api/tokens", [{"id": 3, "prefix": "aeth_x", "created_at": AT}], "token", "list")
    assert "aeth_x" in listed.out
    desk = Desk({"DELETE /api/tokens/3": ok(None, 204)})
    assert aetheris("token", "revoke", "3", desk=desk).code == 0
    assert aetheris("token", "revoke", "4", desk=desk).code == 3


def test_the_monitor_shows_figures_and_what_is_stuck() -> None:
    desk = Desk({
        "GET /api/system/overview": ok({"jobs": {"running": 3, "parked": 1}, "oldest_due": None}),
        "GET /api/system/stuck": page({"cause": "nobody_offers", "job": JOB, "node": "pay", "why": "none offers", "advice": "start one"}),
    })  # fmt: skip
    text = aetheris("monitor", desk=desk).out
    assert "jobs running  3\n" in text
    assert "Stuck: 1\n" in text
    assert f"  nobody_offers: job {JOB} pay: none offers. To do: start one\n" in text
    assert set(aetheris("monitor", "--json", desk=desk).json) == {"overview", "stuck"}


def test_the_version_needs_no_server() -> None:
    assert aetheris("version").out.startswith("aetheris 0.")
