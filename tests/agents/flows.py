"""Toy workflows that worker processes run."""

from __future__ import annotations

from typing import Any

from jobs import agent, workflow
from tests.agents.tools import add, later


@workflow
async def many_waits(ctx: Any, goal: dict[str, Any]) -> int:
    """Very many waits side by side."""
    await ctx.gather(*(ctx.sleep(goal["seconds"]) for _ in range(goal["waits"])))
    words = await ctx.gather(*(ctx.tool(later, word=goal["word"], seconds=0.2) for _ in range(goal["calls"])))
    return len(words)


agent("many_waits")(many_waits)


@workflow
def counted(ctx: Any, goal: dict[str, Any]) -> int:
    """Add one, many times."""
    total = 0
    for _ in range(goal["n"]):
        total = ctx.tool(add, a=total)
    return total


agent("counted")(counted)
