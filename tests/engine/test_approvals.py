"""Approvals in graphs and workflows, through the verbs and the runner."""

from __future__ import annotations

from typing import Any

import pytest

from jobs import TaskGraph, approve, reject
from jobs.core.state import JobState
from jobs.models import Approval
from jobs.testing import run_until_parked
from tests.agents.tools import add
from tests.engine.driving import after, asked, flow, started, statuses
from tests.factories import person

pytestmark = pytest.mark.usefixtures("here")
BOB = person("bob")


def gated(**options: Any) -> TaskGraph:
    graph = TaskGraph()
    first = graph.tool("first", add, a=1)
    ask = graph.approval("ask", question="Go on?", show={"first": first}, groups=["finance"], **options)
    graph.output(graph.tool("then", add, a=first, after=[ask]))
    graph.tool("otherwise", add, a=100, when=ask.rejected)
    return graph


def test_an_approval_shows_what_is_known_and_releases_the_step_after_it() -> None:
    job = started(gated())
    assert run_until_parked(job).status == "parked"
    row = Approval.objects.get(job_id=job)
    assert row.shown == '{"first":2}'
    assert '"a":2' in row.releases
    approve(job, actor=BOB)
    state = run_until_parked(job)
    assert (state.status, state.output) == ("completed", 3)
    assert statuses(state)["otherwise"] == "skipped"


def test_a_rejection_takes_the_reject_branch() -> None:
    job = started(gated())
    run_until_parked(job)
    reject(job, actor=BOB)
    state = run_until_parked(job)
    assert statuses(state) == {"first": "done", "ask": "rejected", "then": "skipped", "otherwise": "done"}
    assert (state.status, state.outcome) == ("completed", "rejected")


@pytest.mark.parametrize(("on_timeout", "then"), [("reject", "skipped"), ("approve", "done")])
def test_the_deadline_decides_as_was_declared(on_timeout: str, then: str) -> None:
    job = started(gated(deadline="1h", on_timeout=on_timeout))
    run_until_parked(job)
    assert statuses(after(job, 3601))["then"] == then


def test_an_escalated_question_goes_to_others() -> None:
    job = started(gated(deadline="1h", on_timeout="escalate", escalate_to=["board"]))
    run_until_parked(job)
    assert after(job, 3601).status == "parked"
    approve(job, actor=person("cleo", groups=("board",)))
    assert run_until_parked(job).status == "completed"


@flow
def asks(ctx: Any, goal: Any) -> dict[str, Any]:
    """Ask two people."""
    told = ctx.approval("Really?", show={"n": 1}, groups=["finance"], quorum=2)
    return {"approved": told.approved, "rejected": told.rejected, "comment": told["comment"]}


def decided(job: str) -> JobState:
    return run_until_parked(job)


def test_a_workflow_goes_on_with_the_decision_of_its_quorum() -> None:
    job = asked("asks")
    run_until_parked(job)
    approve(job, actor=BOB)
    assert decided(job).status == "parked"
    approve(job, actor=person("cleo"), comment="fine")
    state = decided(job)
    assert state.output["approved"] is True
    assert state.output["rejected"] is False


def test_a_workflow_goes_on_with_a_rejection() -> None:
    job = asked("asks")
    run_until_parked(job)
    reject(job, actor=BOB, comment="no")
    assert decided(job).output == {"approved": False, "rejected": True, "comment": "no"}
