"""Agents of the tests of retries: two payments, and between them something that may fail."""

from __future__ import annotations

from typing import Any

from jobs import TaskGraph, agent, workflow
from tests.fatal.agents import ORDER, Goal


@agent("fatal-twice")
def twice(goal: Goal) -> TaskGraph:
    """Pay, look, and pay something else."""
    g = TaskGraph()
    first = g.tool("first", goal["tool"], order_id=ORDER, cents=100)
    seen = g.tool("look", "fatal.look", after=[first])
    g.output(g.tool("second", goal["tool"], order_id=ORDER, cents=50, after=[seen]))
    return g


@workflow(name="fatal-twice-flow")
async def twice_in_a_flow(ctx: Any, goal: Goal) -> int:
    """The same in a workflow."""
    await ctx.tool(goal["tool"], order_id=ORDER, cents=100)
    await ctx.tool("fatal.look")
    return int((await ctx.tool(goal["tool"], order_id=ORDER, cents=50))["cents"])


agent("fatal-twice-flow")(twice_in_a_flow)
