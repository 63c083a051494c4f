"""Retrying a job that asked: recorded answers and decisions are kept, only what failed is asked again (Law E9)."""

from __future__ import annotations

from typing import Any

import pytest

from jobs import TaskGraph, approve, cancel, retry, signal
from jobs.core.errors import NotAllowed
from jobs.models import Approval, Event
from jobs.testing import run_until_parked
from tests.agents import world
from tests.agents.tools import add, send
from tests.engine.driving import a_word, asked, flow, folded, started
from tests.engine.retrying import BOB, NO, ZOE, retried
from tests.factories import person

pytestmark = pytest.mark.usefixtures("here")


@flow
def reads_and_pays(ctx: Any, goal: dict[str, Any]) -> dict[str, Any]:
    """Readings, a letter, state, a tolerated failure, an approval, a payment, and one that fails."""
    ctx.state["seen"] = ctx.state.get("seen", 0) + 1
    word, at, die, name = goal["word"], ctx.now(), ctx.random(), ctx.uuid()
    letter = ctx.signal("go")
    try:
        ctx.tool(send, word=f"{word}-refused")
        refused = False
    except Exception:
        refused = True
    ctx.tool(send, word=f"{word}-paid")
    decided = ctx.approval("Sure?", {"word": word}, groups=["finance"])
    ctx.tool(send, word=f"{word}-last")
    return {
        "at": at.isoformat(), "die": die, "name": str(name), "letter": letter, "refused": refused,
        "approved": decided.approved, "seen": ctx.state["seen"],
    }  # fmt: skip


def test_a_workflow_runs_again_on_its_recorded_answers() -> None:
    word = a_word()
    job = asked("reads_and_pays", {"word": word})
    run_until_parked(job)
    readings = {
        path: each.value for path, each in folded(job).calls.items() if each.kind in ("now", "random", "uuid")
    }
    world.script(f"{word}-refused", NO)
    world.script(f"{word}-last", NO)
    signal(job, "go", "letter", actor=BOB)
    signal(job, "go", "never taken", actor=BOB, id=f"{word}-id")
    assert run_until_parked(job).status == "parked"
    approve(job, actor=BOB)
    assert run_until_parked(job).status == "failed"
    state = retried(job)
    assert state.status == "completed", state.failure
    assert state.output["letter"] == "letter"
    assert (state.output["refused"], state.output["approved"], state.output["seen"]) == (True, True, 1)
    assert {path: state.calls[path].value for path in readings} == readings
    assert [world.times(f"{word}-{each}") for each in ("refused", "paid", "last")] == [1, 1, 2]
    row = Approval.objects.get(job_id=state.job)
    assert (row.state, row.votes.count('"name":"bob"')) == ("approved", 1)
    assert [letter.payload for letter in state.mail["signal/go"]] == ["never taken"]


@flow
async def arms(ctx: Any, goal: dict[str, Any]) -> list[Any]:
    """Three payments side by side."""
    found = await ctx.gather(*(ctx.tool(send, word=f"{goal['word']}-{each}") for each in range(3)))
    return [each["n"] for each in found]


def test_every_failed_arm_of_a_gather_is_attempted_again_at_once() -> None:
    word = a_word()
    for each in (0, 2):
        world.script(f"{word}-{each}", NO)
    job = asked("arms", {"word": word})
    assert run_until_parked(job).status == "failed"
    state = retried(job)
    assert (state.status, state.output) == ("completed", [2, 1, 2])
    assert [world.times(f"{word}-{each}") for each in range(3)] == [2, 1, 2]


def test_an_approval_that_was_decided_is_not_asked_again_and_binds_the_same_arguments() -> None:
    word = a_word()
    world.script(word, NO)
    graph = TaskGraph()
    total = graph.tool("total", add, a=1)
    ask = graph.approval("ask", question="Pay?", show={"total": total}, groups=["finance"], four_eyes=True)
    graph.tool("pay", send, word=word, after=[ask])
    job = started(graph)
    run_until_parked(job)
    approve(job, actor=BOB, comment="seen")
    assert run_until_parked(job).status == "failed"
    state = retried(job)
    assert state.status == "completed"
    old, new = Approval.objects.get(job_id=job), Approval.objects.get(job_id=state.job)
    assert (new.state, new.shown, new.releases) == ("approved", old.shown, old.releases)
    assert new.id != old.id
    decided = next(vote for vote in state.votes["ask"] if vote["effect"] == "approved")
    there = Event.objects.get(job_id=job, seq=decided["copied"])
    assert (there.type, decided["actor"]["name"], decided["comment"]) == ("approval_decided", "bob", "seen")


def test_whoever_asked_for_the_first_job_may_not_approve_in_its_retry() -> None:
    graph = TaskGraph()
    ask = graph.approval("ask", question="Pay?", groups=["finance"], four_eyes=True)
    graph.tool("pay", send, word=a_word(), after=[ask])
    job = started(graph)  # ann asks
    run_until_parked(job)
    cancel(job, actor=BOB)
    second = str(retry(job, actor=ZOE))
    assert run_until_parked(second).status == "parked"
    for asker in (person("ann"), ZOE):
        with pytest.raises(NotAllowed, match="four eyes"):
            approve(second, actor=asker)
    approve(second, actor=BOB)
    assert run_until_parked(second).status == "completed"
