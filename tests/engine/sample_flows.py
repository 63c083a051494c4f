"""Workflows of one or two calls, as nodes of graphs."""

from __future__ import annotations

from typing import Any

from jobs import agent, workflow
from tests.agents.tools import add, look


@workflow
def doubled(ctx: Any, x: int) -> int:
    """Add a number to itself."""
    total: int = ctx.tool(add, a=x, b=x)
    return total


@workflow
def looked(ctx: Any, first: str, second: str) -> list[Any]:
    """Look twice."""
    return [ctx.tool(look, word=first), ctx.tool(look, word=second)]


@agent("counts")
@workflow
def counts(ctx: Any, goal: dict[str, int]) -> int:
    """Add one, as often as it is told."""
    total = 0
    for _ in range(goal["turns"]):
        total = ctx.tool(add, a=total)
    return total
