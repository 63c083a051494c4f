"""Verify, replay and trace over HTTP: of a whole record, and of one that somebody spoiled."""

from __future__ import annotations

from typing import Any

import pytest

from examples.refund.agent import refund
from jobs import clock, store
from jobs.core.commands import Actor, AdoptPlan, StartNode
from jobs.core.moments import text
from jobs.core.state import PLAN_STEP
from jobs.models import Event, Job
from jobs.services import submit
from tests.faces import admin_stage as stage
from tests.faces.api_stage import Caller, named, nothing_written, refused

pytestmark = pytest.mark.usefixtures("engine_db")


def _refund() -> str:
    """A job of the registered agent, with a plan that its planner would make too."""
    goal = {"order_id": "A-1001"}
    job = str(submit("refund", goal, actor=Actor(id="boss", superuser=True)))
    me = stage.worker()
    state = store.commit(job, StartNode(PLAN_STEP, me), worker=me).state
    store.commit(job, AdoptPlan(state.nodes[PLAN_STEP].fence, refund(goal).to_json()))
    return job


def _with_a_gap() -> str:
    """A job whose stream tells of one event less than its head says: a row that was never written."""
    job = stage.job(stage.waiting("go"))
    row = Event.objects.filter(job_id=job).order_by("-seq")[0]
    Event.objects.create(
        job_id=row.job_id, seq=row.seq + 2, tenant=row.tenant, type="job_paused", node="", at=text(clock.now()),
        body="{}", salt="0" * 32, digest="0" * 64, prev=row.hash, hash="1" * 64,
    )  # fmt: skip
    return job


def test_a_whole_record_verifies_up_to_its_head() -> None:
    caller, job = Caller(), stage.job(stage.waiting("go"))
    with nothing_written():
        found = caller.post(f"jobs/{job}/verify").json()
    assert (found["ok"], found["problem"]) == (True, None)
    assert found["head"] == caller.get(f"jobs/{job}").json()["head"]


def test_verifying_lists_the_keys_of_calls_whose_end_nobody_knows() -> None:
    job, invocation = stage.unknown_call()
    [pending] = Caller().post(f"jobs/{job}/verify").json()["pending"]
    assert (pending["invocation"], pending["node"], pending["state"]) == (invocation, "pay", "unknown")
    assert pending["idempotency_key"].startswith("aet-")
    assert pending["business_key"] == f"pay:{job}"


def test_a_spoiled_record_is_an_answer_that_says_where() -> None:
    caller, job = Caller(), _with_a_gap()
    answer = caller.post(f"jobs/{job}/verify")
    assert answer.status_code == 200
    assert answer.json()["ok"] is False
    assert answer.json()["problem"]["message"]


def test_a_derived_row_that_does_not_follow_from_the_events_is_found() -> None:
    caller, job = Caller(), stage.job(stage.waiting("go"))
    Job.objects.filter(pk=job).update(status="completed")
    assert caller.post(f"jobs/{job}/verify").json()["ok"] is False


def test_a_job_replays_against_its_record_and_nothing_is_written() -> None:
    caller, job = Caller(), _refund()
    with nothing_written():
        found = caller.post(f"jobs/{job}/replay", {}).json()
    assert (found["ok"], found["code"], found["problem"]) == (True, "refund@1", None)


def test_a_spoiled_record_can_be_neither_told_nor_replayed() -> None:
    caller, job = Caller(), _with_a_gap()
    for path in ("trace", "nodes/_plan"):
        problem = refused(caller.get(f"jobs/{job}/{path}"), 409, "broken_record")
        assert f"aetheris verify {job}" in problem["detail"]
    refused(caller.post(f"jobs/{job}/replay"), 409, "broken_record")


@pytest.mark.parametrize("question", ["verify", "replay"])
def test_a_question_with_a_field_that_nobody_reads_is_refused(question: str) -> None:
    caller, job = Caller(), stage.job(stage.waiting("go"))
    body: dict[str, Any] = {"repair": True}
    assert named(refused(caller.post(f"jobs/{job}/{question}", body), 422, "invalid")) == {"repair"}
