"""Workflows, plain and async: replay from the record, state, readings, patches, retries."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Any

import pytest

from jobs import CallFailed, TaskGraph, TimedOut, agent, signal
from jobs.store import load
from jobs.testing import run_until_parked
from tests.agents import world
from tests.agents.tools import add, look, send
from tests.engine.driving import a_word, after, asked, error_of, flow, kinds, started
from tests.engine.sample_flows import looked
from tests.factories import person

pytestmark = pytest.mark.usefixtures("here")


@flow
def long(ctx: Any, goal: dict[str, Any]) -> list[Any]:
    """A call before each of three waits."""
    found = []
    for name in ("a", "b", "c"):
        found.append(ctx.tool(send, word=f"{goal['word']}-{name}"))
        found.append(ctx.signal(name))
    return found


@flow
async def long_async(ctx: Any, goal: dict[str, Any]) -> list[Any]:
    """The same with `await`."""
    found = []
    for name in ("a", "b", "c"):
        found.append(await ctx.tool(send, word=f"{goal['word']}-{name}"))
        found.append(await ctx.signal(name))
    return found


@pytest.mark.parametrize("name", ["long", "long_async"])
def test_answers_come_from_the_record_however_often_the_function_runs(name: str) -> None:
    word = a_word()
    job = asked(name, {"word": word})
    for each in ("a", "b", "c"):
        assert run_until_parked(job).status == "parked"
        signal(job, each, each.upper(), actor=person())
    state = run_until_parked(job)
    assert [each for each in state.output if isinstance(each, str)] == ["A", "B", "C"]
    assert [world.times(f"{word}-{each}") for each in ("a", "b", "c")] == [1, 1, 1]
    assert kinds(job).count("node_started") == 5  # the planning, and four runs of the function


@flow
def keeps_state(ctx: Any, goal: Any) -> dict[str, Any]:
    """Change the job's state dict around a park."""
    ctx.state["runs"] = ctx.state.get("runs", 0) + 1
    ctx.state["gone"] = True
    ctx.signal("go")
    del ctx.state["gone"]
    return dict(ctx.state)


def test_state_is_what_the_step_first_saw_and_changes_once() -> None:
    job = asked("keeps_state")
    run_until_parked(job)
    signal(job, "go", actor=person())
    state = run_until_parked(job)
    assert state.output == {"runs": 1}
    assert dict(state.data.items()) == {"runs": 1}


@flow
def reads(ctx: Any, goal: Any) -> list[Any]:
    """Read clock and dice on both sides of a park."""
    before = [ctx.now().isoformat(), ctx.random(), str(ctx.uuid())]
    ctx.progress("half way", 0.5)
    ctx.signal("go")
    return [before, ctx.now().isoformat()]


@flow
async def reads_async(ctx: Any, goal: Any) -> list[Any]:
    """The same, awaited or not."""
    before = [(await ctx.now()).isoformat(), await ctx.random(), str(ctx.uuid())]
    await ctx.progress("half way", 0.5)
    await ctx.signal("go")
    return [before, ctx.now().isoformat()]


@pytest.mark.parametrize("name", ["reads", "reads_async"])
def test_readings_stay_what_they_were(name: str) -> None:
    job = asked(name)
    recorded = run_until_parked(job).calls
    signal(job, "go", actor=person())
    state = run_until_parked(job)
    assert state.output[0] == [recorded[f"main/{index}"].value for index in range(3)]
    assert recorded["main/3"].value == {"text": "half way", "fraction": 0.5}
    assert state.output[1] > state.output[0][0]


@flow
def patched(ctx: Any, goal: dict[str, Any]) -> list[Any]:
    """Code that has been changed since old jobs began."""
    found: list[Any] = []
    if NEW_CODE:
        if ctx.patched("second-look"):
            found.append("new")
    found.append(ctx.tool(look, word=goal["word"])["n"])
    found.append(ctx.signal("go"))
    return found


NEW_CODE = True


def test_jobs_that_began_before_a_patch_go_on_without_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(globals(), "NEW_CODE", False)
    old = asked("patched", {"word": a_word()})
    run_until_parked(old)
    monkeypatch.setitem(globals(), "NEW_CODE", True)
    new = asked("patched", {"word": a_word()})
    run_until_parked(new)
    for job in (old, new):
        signal(job, "go", "gone", actor=person())
    assert run_until_parked(old).output == [1, "gone"]
    assert run_until_parked(new).output == ["new", 1, "gone"]


def test_a_workflow_that_is_tried_again_makes_only_the_failed_call_again() -> None:
    graph, first, second = TaskGraph(), a_word(), a_word()
    world.script(second, *[ValueError("no")] * 3, "at last")
    graph.output(
        graph.workflow("flow", looked, first=first, second=second,
                       retry={"max_attempts": 2, "backoff": 1000, "jitter": 0})
    )  # fmt: skip
    job = started(graph)
    for seconds in (0, 11, 21):
        state = after(job, seconds)
    assert state.status == "running"
    assert world.times(second) == 3
    state = after(job, 1001)
    assert state.output == [{"word": first, "n": 1}, "at last"]
    assert (world.times(first), world.times(second)) == (1, 4)


@flow
def catches(ctx: Any, goal: dict[str, Any]) -> list[Any]:
    """Catch a failed call, a passed deadline and a child that failed."""
    found = []
    makers: list[Callable[[], Any]] = [
        lambda: ctx.tool(look, word=goal["word"]),
        lambda: ctx.signal("never", deadline=60),
        lambda: ctx.child("adder", {"a": 1}),
    ]
    for make in makers:
        try:
            make()
        except TimedOut:
            found.append("timed out")
        except CallFailed as failed:
            found.append(f"{failed.path} {failed.code}")
    return found


def test_a_workflow_can_catch_what_fails() -> None:
    word = a_word()
    world.script(word, *[ValueError("no")] * 3)
    job = asked("catches", {"word": word})
    run_until_parked(job)
    for seconds in (11, 21, 61):
        state = after(job, seconds)
    assert state.output == ["main/0 raised", "timed out", "main/2 child_failed"]


@flow
def says_too_much(ctx: Any, goal: dict[str, Any]) -> Any:
    """Call a tool with arguments that it does not take."""
    return ctx.tool(add, a=1, wrong=goal["value"])


def test_arguments_that_a_tool_does_not_take_fail_the_call_and_nothing_is_promised() -> None:
    job = asked("says_too_much", {"value": 2})
    error = error_of(run_until_parked(job))
    assert error["code"] == "bad_arguments"
    assert "wrong" in error["message"]
    assert "tool_invocation_started" not in kinds(job)


@agent("planned")
async def planned(ctx: Any, goal: dict[str, Any]) -> TaskGraph:
    """A planner that looks before it plans."""
    seen = await ctx.tool(look, word=goal["word"])
    await ctx.signal("go")
    graph = TaskGraph()
    graph.output(graph.tool("sum", add, a=seen["n"], b=10))
    return graph


def test_a_planner_with_a_ctx_is_recorded_like_a_workflow() -> None:
    word = a_word()
    job = asked("planned", {"word": word})
    assert run_until_parked(job).status == "parked"
    signal(job, "go", actor=person())
    assert run_until_parked(job).output == 11
    assert world.times(word) == 1


@agent("planned_async")
async def planned_async(goal: dict[str, Any]) -> TaskGraph:
    """An async planner without a ctx."""
    await asyncio.sleep(0)
    graph = TaskGraph()
    graph.output(graph.tool("sum", add, a=goal["a"]))
    return graph


def test_a_planner_may_be_async() -> None:
    assert run_until_parked(asked("planned_async", {"a": 1})).output == 2


@flow
def logs(ctx: Any, goal: Any) -> None:
    """Log on both sides of a park."""
    ctx.log.warning("before")
    ctx.tool(add, a=1)
    ctx.log.warning("between")
    ctx.signal("go")
    ctx.log.warning("after")
    ctx.tool(add, a=2)
    ctx.log.warning("at the end")


def test_the_log_is_quiet_while_the_past_is_played_again(caplog: pytest.LogCaptureFixture) -> None:
    before = list(logging.getLogger("aetheris.workflow").filters)
    with caplog.at_level(logging.WARNING, "aetheris.workflow"):
        job = asked("logs")
        run_until_parked(job)
        signal(job, "go", actor=person())
        assert run_until_parked(job).status == "completed"
    assert [each for each in caplog.messages if each in ("between", "at the end")] == [
        "between",
        "at the end",
    ]
    assert logging.getLogger("aetheris.workflow").filters == before


def test_a_goal_that_the_agent_refuses_when_it_plans_fails_the_job() -> None:
    from jobs import store
    from jobs.core.commands import CreateJob
    from jobs.services.submitting import new_id

    wish = CreateJob(job=str(new_id()), agent="adder", version="1", goal=[1], actor=person())
    store.create(wish)
    assert error_of(run_until_parked(wish.job))["class"].endswith("BadArguments")
    assert load(wish.job).phase == "failed"
