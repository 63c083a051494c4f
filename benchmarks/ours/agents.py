"""What is run: no-op steps of every kind, one after the other or side by side."""

from __future__ import annotations

import asyncio
import time
from typing import Any

from jobs import TaskGraph, agent, workflow
from ledger import tool

KB = 1024


@tool(name="bench.compute", effect="pure")
def compute(i: int) -> int:
    """Nothing, which may be done again."""
    return i


@tool(name="bench.act", effect="at_most_once")
def act(i: int) -> int:
    """Nothing, which must not be done twice."""
    return i


@tool(name="bench.model", effect="idempotent")
def model(prompt: str) -> str:
    """As many characters as were given: a model call by its bodies, without a model."""
    return prompt[::-1]


@tool(name="bench.rest", effect="pure")
def rest(seconds: float) -> float:
    """Wait in the pool."""
    time.sleep(seconds)
    return seconds


@tool(name="bench.wait", effect="idempotent", timeout=120)
async def wait(seconds: float, i: int = 0) -> float:
    """Wait on the event loop, as a call of a model does."""
    await asyncio.sleep(seconds)
    return seconds


@agent("bench-chain")
def chain(goal: dict) -> TaskGraph:  # type: ignore[type-arg]
    """`steps` calls of one kind, one after the other."""
    graph, before = TaskGraph(), None
    for i in range(goal["steps"]):
        after: list[Any] = [] if before is None else [before]
        if goal["kind"] == "model":
            before = graph.tool(f"s{i}", model, prompt="x" * 8 * KB, after=after)
        else:
            before = graph.tool(f"s{i}", act if goal["kind"] == "act" else compute, i=i, after=after)
    graph.output(before)
    return graph


@agent("bench-workflow")
@workflow
def calling(ctx: Any, goal: dict[str, Any]) -> int:
    """`steps` calls of a tool that must not be called twice, from a function."""
    done = 0
    for i in range(goal["steps"]):
        done += ctx.tool(act, i=i) == i
    return done


@agent("bench-signals")
@workflow
def signalled(ctx: Any, goal: dict[str, Any]) -> int:
    """Wait for `steps` signals, and do one thing after each."""
    for i in range(goal["steps"]):
        ctx.signal(f"go-{i}")
        ctx.tool(compute, i=i)
    return int(goal["steps"])


@agent("bench-fan")
def fan(goal: dict) -> TaskGraph:  # type: ignore[type-arg]
    """`steps` branches that wait side by side: in threads, or on the event loop."""
    graph = TaskGraph()
    waiting = wait if goal["kind"] == "loop" else rest
    for i in range(goal["steps"]):
        graph.tool(f"b{i}", waiting, seconds=goal["seconds"])
    graph.output(goal["steps"])
    return graph
