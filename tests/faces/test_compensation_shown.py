"""Compensation over HTTP, on the command line and in the admin: asked for, watched, and told of afterwards."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from uuid import uuid4

import pytest

from jobs import store
from jobs.core.commands import Outcome, Promise, StartNode, Tell
from jobs.core.ids import idempotency_key
from jobs.models import Job
from ledger.models import Invocation
from tests.faces import admin_stage as stage
from tests.faces.api_stage import Caller, named, nothing_written, refused
from tests.faces.command_line import Desk, aetheris, job, ok

pytestmark = pytest.mark.usefixtures("engine_db")
WISH: dict[str, Any] = {"agent": "refund", "goal": {"order_id": "A-1001"}}
PAY = {"id": "pay", "kind": "tool", "tool": "pay_back", "args": {"cents": 1200}}
UNDO = "_compensate/pay"
BROKEN = Outcome("raised", error={"class": "Reset", "message": "gone"})


def paid(**more: Any) -> str:
    """A job whose payment has landed and can be undone, and that waits for a word."""
    made = stage.job(PAY, {**stage.waiting("go"), "after": ["pay"]}, **more)
    called(made, "pay", Outcome("landed", {"id": "R-1"}), compensation=True)
    return made


def called(made: str, step: str, outcome: Outcome, **more: Any) -> None:
    """A worker makes the call of a step."""
    me = stage.worker()
    promise = Promise(
        tool="pay_back", version="1", schema="s", effect="at_most_once", key=idempotency_key(made, step),
        args={"cents": 1200}, deadline="2030-01-01T00:00:00.000000Z",
    )  # fmt: skip
    state = store.commit(made, StartNode(step, me, replace(promise, **more)), worker=me).state
    store.commit(made, Tell(step, state.nodes[step].fence, step, state.calls[step].attempt, outcome))


def test_a_job_says_what_it_does_on_failure_and_a_key_stands_for_that_too() -> None:
    caller, key = Caller(), uuid4().hex
    wish = {**WISH, "on_failure": "compensate"}
    made = caller.post("jobs", wish, Idempotency_Key=key).json()
    assert (made["on_failure"], made["compensation"]) == ("compensate", None)
    assert caller.post("jobs", wish, Idempotency_Key=key).json()["id"] == made["id"]
    with nothing_written():
        refused(caller.post("jobs", WISH, Idempotency_Key=key), 422, "idempotency_key_reused")
        assert named(refused(caller.post("jobs", {**WISH, "on_failure": "undo"}), 422, "invalid")) == {
            "on_failure"
        }
    plain = caller.post("jobs", WISH, Idempotency_Key=uuid4().hex).json()
    assert plain["on_failure"] == "fail"


def test_a_cancel_that_compensates_is_watched_to_its_end() -> None:
    caller, made = Caller(), paid()
    answer = caller.post(f"jobs/{made}/cancel", {"reason": "twice", "compensate": True})
    assert (answer.status_code, answer.json()["status"]) == (202, "running")
    with nothing_written():
        refused(caller.post(f"jobs/{made}/cancel", {"compensate": False}), 409, "cancelled_otherwise")
        assert caller.post(f"jobs/{made}/cancel", {}).status_code == 202
        assert named(refused(caller.post(f"jobs/{made}/cancel", {"compensate": "yes"}), 422, "invalid"))
    called(made, UNDO, BROKEN)
    inbox = caller.get("unresolved").json()["results"]
    (open_line,) = [line for line in inbox if line["job"] == made]
    first = Invocation.objects.get(job_id=made, node="pay")
    assert (open_line["node"], open_line["compensates"]) == (UNDO, str(first.id))
    assert caller.get(f"jobs/{made}").json()["parked_on"][0]["node"] == UNDO
    caller.post(f"unresolved/{open_line['id']}/resolve", {"verdict": "landed", "result": {"id": "V-1"}})
    told = caller.get(f"jobs/{made}").json()
    assert told["status"] == "cancelled"
    effect = {"node": "pay", "tool": "pay_back", "invocation": str(first.id)}
    assert told["compensation"] == {"undone": [effect], "not_undone": []}


def test_the_trace_shows_what_undid_what() -> None:
    caller, made = Caller(), paid(on_failure="compensate")
    caller.post(f"jobs/{made}/cancel", {})
    called(made, UNDO, Outcome("landed", None))
    trace = caller.get(f"jobs/{made}/trace").json()
    steps = {step["node"]: step for step in trace["tree"]}
    assert list(steps)[-1] == UNDO
    assert (steps[UNDO]["kind"], steps[UNDO]["undoes"], steps["pay"]["undoes"]) == (
        "compensation",
        "pay",
        None,
    )
    (call,) = steps["pay"]["calls"]
    assert (call["compensated"], call["compensated_by"]) == (True, UNDO)
    said = {event["type"]: event["summary"] for event in trace["timeline"]}
    assert said["compensation_finished"] == "has undone pay"
    assert "1 effects undone, 0 not" in said["job_cancelled"]
    node = caller.get(f"jobs/{made}/nodes/{UNDO}").json()
    assert (node["undoes"], node["status"], node["spec"]["tool"]) == ("pay", "done", "pay_back")


def test_the_admin_asks_whether_to_undo_and_shows_what_was() -> None:
    made = paid()
    browser = stage.browser(stage.operator())
    url = f"/admin/aetheris_jobs/job/{made}/"
    assert "as the job was submitted" in browser.get(f"{url}do/cancel/").content.decode()
    stage.post(browser, f"{url}do/cancel/", {"reason": "", "compensate": "yes"})
    page = browser.get(f"{url}change/").content.decode()
    assert "undo pay" in page
    assert "undone is undone" in page
    called(made, UNDO, Outcome("landed", None))
    page = browser.get(f"{url}change/").content.decode()
    assert "compensated" in page
    assert "not_undone" in page
    line = Invocation.objects.get(job_id=made, node=UNDO)
    assert (
        "Undoes invocation"
        in browser.get(f"/admin/aetheris_ledger/invocation/{line.id}/change/").content.decode()
    )


@pytest.mark.parametrize(("choice", "compensates"), [("", None), ("no", False)])
def test_the_admin_leaves_it_to_the_job_or_says_no(choice: str, compensates: bool | None) -> None:
    made = paid(on_failure="compensate")
    browser = stage.browser(stage.operator())
    url = f"/admin/aetheris_jobs/job/{made}/do/cancel/"
    stage.post(browser, url, {"reason": "", "compensate": choice})
    assert Job.objects.get(pk=made).status == ("running" if compensates is None else "cancelled")


def test_the_command_line_asks_for_it_and_prints_what_was_undone() -> None:
    desk = Desk({"POST /api/jobs": ok(job(), 202)})
    aetheris("submit", "refund", "--goal", "{}", "--on-failure", "compensate", desk=desk)
    assert desk.bodies() == [{"agent": "refund", "goal": {}, "on_failure": "compensate"}]
    told = {
        "undone": [{"node": "pay", "tool": "issue_refund", "invocation": str(uuid4())}],
        "not_undone": [
            {"node": "mail", "tool": "send", "invocation": str(uuid4()), "reason": "no_compensation"},
            {"node": "kid", "agent": "a", "job": "0197", "reason": "child_completed"},
        ],
    }
    row = job(status="failed", on_failure="compensate", compensation=told)
    out = aetheris("job", row["id"], desk=Desk({f"GET /api/jobs/{row['id']}": ok(row)})).out
    assert "pay: issue_refund" in out
    assert "mail: send, no_compensation" in out
    assert "kid: job 0197, child_completed" in out
