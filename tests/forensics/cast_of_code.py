"""Jobs of workflows and planners that the auditor looks at: finished, parked, failed and cancelled."""

from __future__ import annotations

from typing import Any

from jobs import CallFailed, TaskGraph, agent, approve, cancel, signal
from jobs.testing import run_until_parked
from ledger.llm import Scripted, register_model
from tests.agents import world
from tests.agents.tools import add, look, send
from tests.engine.driving import a_word, after, asked, flow, started
from tests.factories import person
from tests.forensics.casting import part

BOB = person("bob")


@flow
def audited(ctx: Any, goal: dict[str, Any]) -> Any:
    """A bit of everything, and a caught failure."""
    ctx.state["word"] = goal["word"]
    said = [ctx.tool(send, word=goal["word"]), ctx.now().isoformat(), ctx.random(), str(ctx.uuid())]
    said.append(ctx.llm(goal["model"], "hi")["text"])
    arms = ctx.gather(ctx.later.tool(add, a=1), ctx.later.signal("go"), ctx.later.tool(add, a=2))
    try:
        ctx.tool(look, word=goal["word"] + "!")
    except CallFailed as failed:
        said.append(failed.code)
    decision = ctx.approval("Sure?", {"arms": arms}, groups=["finance"])
    ctx.state["approved"] = decision.approved
    return [*said, arms]


@flow
async def audited_async(ctx: Any, goal: dict[str, Any]) -> Any:
    """The same with `await`."""
    ctx.state["word"] = goal["word"]
    said = [await ctx.tool(send, word=goal["word"]), (await ctx.now()).isoformat(), await ctx.random()]
    said.append((await ctx.llm(goal["model"], "hi"))["text"])
    arms = await ctx.gather(ctx.tool(add, a=1), ctx.signal("go"), _nested(ctx, 30))
    decision = await ctx.approval("Sure?", {"arms": arms}, groups=["finance"])
    ctx.state["approved"] = decision.approved
    return [*said, arms]


async def _nested(ctx: Any, calls: int) -> int:
    total = 0
    for _ in range(calls):
        total = await ctx.tool(add, a=total)
    return total


def _waiting_at(name: str, *, ask: bool) -> str:
    model, word = a_word(), a_word()
    register_model(model, Scripted([{"text": "hello", "usage": {"input_tokens": 7, "output_tokens": 3}}]))
    world.script(f"{word}!", *[ValueError("no")] * 3)
    job = asked(name, {"word": word, "model": model})
    assert run_until_parked(job).status == "parked"
    if ask:
        signal(job, "go", {"a": 1}, actor=person())
        run_until_parked(job)
        after(job, 11)
        assert after(job, 21).status == "parked"
    return job


def _done(name: str) -> str:
    job = _waiting_at(name, ask=True)
    approve(job, actor=BOB)
    assert run_until_parked(job).status == "completed"
    return job


@part
def a_workflow_at_a_gather() -> str:
    return _waiting_at("audited", ask=False)


@part
def an_async_workflow_at_a_gather() -> str:
    return _waiting_at("audited_async", ask=False)


@part
def a_workflow_at_an_approval() -> str:
    return _waiting_at("audited", ask=True)


@part
def a_workflow_cancelled_at_an_approval() -> str:
    job = _waiting_at("audited", ask=True)
    cancel(job, actor=person())
    assert run_until_parked(job).status == "cancelled"
    return job


@part
def a_workflow() -> str:
    return _done("audited")


@part
def an_async_workflow() -> str:
    return _done("audited_async")


@flow
def breaks(ctx: Any, goal: Any) -> Any:
    """Call, then fail by itself."""
    raise KeyError(ctx.tool(add, a=1))


@flow
async def breaks_async(ctx: Any, goal: dict[str, Any]) -> Any:
    """Fail by a call that fails."""
    return await ctx.tool(look, word=goal["word"])


@part
def a_workflow_that_raised() -> str:
    job = asked("breaks")
    assert run_until_parked(job).status == "failed"
    return job


@part
def an_async_workflow_whose_call_failed() -> str:
    word = a_word()
    world.script(word, *[ValueError("no")] * 3)
    job = asked("breaks_async", {"word": word})
    run_until_parked(job)
    after(job, 11)
    assert after(job, 21).status == "failed"
    return job


@agent("asks_first")
async def asks_first(ctx: Any, goal: dict[str, Any]) -> TaskGraph:
    """A planner that asks before it draws."""
    graph = TaskGraph()
    graph.output(graph.tool("sum", add, a=await ctx.tool(add, a=goal["a"])))
    return graph


@agent("plans_alone")
async def plans_alone(goal: dict[str, Any]) -> TaskGraph:
    """An async planner without a ctx."""
    graph = TaskGraph()
    graph.output(graph.tool("sum", add, a=goal["a"]))
    return graph


@part
def of_a_planner_that_asks() -> str:
    job = asked("asks_first", {"a": 1})
    assert run_until_parked(job).output == 3
    return job


@part
def of_an_async_planner() -> str:
    job = asked("plans_alone", {"a": 1})
    assert run_until_parked(job).output == 2
    return job


@part
def with_a_plan_that_was_refused() -> str:
    job = started({"format": 1, "nodes": [{"id": "x", "kind": "tool", "tool": "nobody_has_this"}]})
    assert run_until_parked(job).status == "failed"
    return job


@part
def not_begun() -> str:
    return asked("breaks")
