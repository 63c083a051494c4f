"""Retry and fork over HTTP and in the admin: the new job, where it is, and what comes of a refusal."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest

from jobs import TaskGraph, fork
from jobs.core.commands import Actor
from jobs.models import Event, Job
from jobs.testing import in_this_process, run_until_parked
from ledger.models import Invocation
from tests.agents.tools import send
from tests.engine.driving import a_word, started
from tests.faces import admin_stage as stage
from tests.faces.api_stage import Caller, nothing_written, refused

pytestmark = pytest.mark.usefixtures("engine_db")
JOBS = "/admin/aetheris_jobs/job/"


def paid() -> str:
    """A completed job with one payment."""
    graph = TaskGraph()
    graph.output(graph.tool("pay", send, word=a_word()))
    job = started(graph)
    assert run_until_parked(job).status == "completed"
    return job


def cancelled(caller: Caller) -> str:
    job = stage.job(stage.waiting("go"))
    assert caller.post(f"jobs/{job}/cancel", {}).status_code == 202
    return job


def delivered(job: str) -> None:
    with in_this_process():
        run_until_parked(job)


def test_a_retry_answers_with_the_new_job_and_where_it_is() -> None:
    caller, key = Caller(), uuid4().hex
    job = cancelled(caller)
    answer = caller.post(f"jobs/{job}/retry", {}, Idempotency_Key=key)
    assert answer.status_code == 202
    new = answer.json()
    assert answer.headers["Location"].endswith(f"/api/jobs/{new['id']}")
    assert (new["status"], new["generation"], new["origin"]) == ("parked", 2, job)
    assert new["forked_from"] == {"job": job, "seq": Job.objects.get(id=job).head_seq, "how": "retry"}
    assert new["requester"]["name"] == caller.user.get_username()
    with nothing_written():
        assert caller.post(f"jobs/{job}/retry", Idempotency_Key=key).json()["id"] == new["id"]
        problem = refused(caller.post(f"jobs/{job}/retry", {}), 409, "retried_already")
    assert problem["job"] == new["id"]
    assert caller.get(f"jobs/{job}").json()["forks"] == [
        {"job": new["id"], "seq": new["forked_from"]["seq"], "how": "retry", "status": "parked"}
    ]
    delivered(job)
    assert caller.get(f"jobs/{job}/events").json()["results"][-1]["type"] == "job_forked"


def test_a_job_that_has_not_failed_is_not_retried() -> None:
    caller = Caller()
    waiting, done = stage.job(stage.waiting()), paid()
    with nothing_written():
        refused(caller.post(f"jobs/{waiting}/retry", {}), 409, "job_not_ended")
        refused(caller.post(f"jobs/{done}/retry", {}), 409, "job_completed")
        refused(caller.post(f"jobs/{done}/retry", {"at": 1}), 422, "invalid")


def test_a_fork_lists_what_landed_later_and_takes_the_list_as_a_confirmation() -> None:
    caller, job = Caller(), paid()
    cut = Event.objects.get(job_id=job, type="plan_generated").seq + 2
    with nothing_written():
        problem = refused(caller.post(f"jobs/{job}/fork", {"at": cut}), 409, "landed_after_cut")
    line = Invocation.objects.get(job_id=job)
    assert problem["calls"] == [
        {"invocation": str(line.id), "tool": "send", "node": "pay", "key": line.idempotency_key,
         "business_key": None, "state": "landed"}
    ]  # fmt: skip
    listed = [each["invocation"] for each in problem["calls"]]
    answer = caller.post(f"jobs/{job}/fork", {"at": cut, "confirm": listed})
    assert answer.status_code == 202
    new = answer.json()
    assert (new["forked_from"], new["generation"]) == ({"job": job, "seq": cut, "how": "fork"}, 1)
    assert new["origin"] == new["id"]


@pytest.mark.parametrize(
    ("body", "code"),
    [({}, "invalid"), ({"at": 0}, "invalid"), ({"at": "3"}, "invalid"), ({"at": 999}, "no_such_event"),
     ({"at": 1, "confirm": ["x"]}, "invalid"), ({"at": 1, "to": 2}, "invalid")],
)  # fmt: skip
def test_a_fork_that_is_asked_for_wrongly_is_refused(body: dict[str, Any], code: str) -> None:
    caller, job = Caller(), stage.job(stage.waiting())
    with nothing_written():
        refused(caller.post(f"jobs/{job}/fork", body), 422, code)


def test_another_goal_without_effect_says_before_which_event_to_cut() -> None:
    caller, job = Caller(), paid()
    seq = Event.objects.get(job_id=job, type="plan_generated").seq
    line = str(Invocation.objects.get(job_id=job).id)
    body = {"at": seq, "goal": {"graph": {}}, "confirm": [line]}
    assert refused(caller.post(f"jobs/{job}/fork", body), 409, "goal_without_effect")["before"] == seq


def test_the_trace_and_the_nodes_of_a_forked_job_are_told() -> None:
    caller, job = Caller(), paid()
    done = Event.objects.get(job_id=job, type="node_finished", node="pay").seq
    new = str(fork(job, done, actor=Actor(id="x", name="x", kind="system")))
    trace = caller.get(f"jobs/{new}/trace")
    assert trace.status_code == 200
    node = caller.get(f"jobs/{new}/nodes/pay")
    assert (node.status_code, node.json()["status"]) == (200, "done")
    first = caller.get(f"jobs/{new}/events").json()["results"][0]
    assert first["body"]["forked_from"]["hash"] == Event.objects.get(job_id=job, seq=done).hash
    page = stage.browser(stage.operator()).get(f"{JOBS}{new}/change/").content.decode()
    assert f"fork of {job} at event {done}" in page
    assert f"(as at event {done} of the other job)" in page


def test_the_admin_asks_before_it_retries_and_leads_to_the_new_job() -> None:
    job = cancelled(Caller())
    browser = stage.browser(stage.operator())
    assert "no call that landed is made again" in browser.get(f"{JOBS}{job}/do/retry/").content.decode()
    assert Job.objects.filter(forked_from=job).count() == 0
    answer = stage.post(browser, f"{JOBS}{job}/do/retry/", {})
    new = Job.objects.get(forked_from=job)
    assert answer.redirect_chain[-1][0] == f"{JOBS}{new.id}/change/"
    assert f"retry of {job} at event" in answer.content.decode()
    assert f"{new.id} from event" in browser.get(f"{JOBS}{job}/change/").content.decode()
    late = stage.post(browser, f"{JOBS}{job}/do/retry/", {})
    assert "was retried already" in late.content.decode()


def test_a_completed_job_offers_no_retry() -> None:
    page = stage.browser(stage.operator()).get(f"{JOBS}{paid()}/change/").content.decode()
    assert "/do/" not in page
