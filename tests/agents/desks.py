"""Toy agents that live on: what they keep from one message to the next."""

from __future__ import annotations

from typing import Any

from jobs import TaskGraph, agent, workflow
from tests.agents.tools import add, linger


@workflow
def desk(ctx: Any, goal: dict[str, Any]) -> list[Any]:
    """Keep every word; fail, wait or take a while where the message says so."""
    heard = ctx.state.setdefault("heard", [])
    if goal.get("takes"):
        ctx.tool(linger, word=goal["word"], seconds=goal["takes"])
    if goal.get("asks"):
        ctx.signal(goal["asks"])
    heard.append(goal["word"])
    if goal.get("fails"):
        raise ValueError(goal["word"])
    return list(heard)


agent("desk")(desk)


@workflow
async def forward(ctx: Any, goal: dict[str, Any]) -> dict[str, Any]:
    """Send a word on to another instance, and then wait for a signal if the message says so."""
    ctx.state["sent"] = ctx.state.get("sent", 0) + 1
    job = await ctx.send(goal["to"], {"word": goal["word"]}, not_before=goal.get("not_before"))
    if goal.get("asks"):
        await ctx.signal(goal["asks"])
    return {"job": job, "sent": ctx.state["sent"]}


agent("forward")(forward)


@agent("tally")
def tally(ctx: Any, goal: dict) -> TaskGraph:  # type: ignore[type-arg]
    """A graph whose planner reads the state, and whose workflow node changes it."""
    graph = TaskGraph()
    total = graph.tool("total", add, a=ctx.state.get("total", 0), b=goal["n"])
    graph.output(graph.workflow("keep", keep, total=total))
    return graph


@workflow
def keep(ctx: Any, total: int) -> int:
    """Keep a number in the state."""
    ctx.state["total"] = total
    return total
