"""Agents that lose their workers: steps that kill their process, innocent ones beside them, a job that wanders."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from pathlib import Path
from typing import Any

from typing_extensions import TypedDict

from jobs import TaskGraph, agent, workflow
from ledger import tool
from tests.fatal.agents import ORDER, pay

BEFORE_IT_DIES = 0.5  # seconds in which its neighbours begin


class Seconds(TypedDict):
    """How long something takes."""

    seconds: float


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


@tool(name="killer.linger", effect="pure", timeout=60)
def linger(seconds: float) -> float:
    """Take a while, and do no harm."""
    time.sleep(seconds)
    return seconds


@tool(name="killer.linger_beside", effect="pure", timeout=60)
def linger_beside(seconds: float) -> float:
    """Take a while once a killer has begun, so that it comes while this runs, however busy the machine is."""
    while not _begun().exists():
        time.sleep(0.05)
    time.sleep(seconds)
    return seconds


@tool(name="killer.die", effect="pure", timeout=60)
def die() -> None:
    """Kill the process."""
    _begun().touch()
    time.sleep(BEFORE_IT_DIES)
    _die()


def _begun() -> Path:
    return Path(os.environ["AETHERIS_VAR"]) / "killer.begun"


@tool(name="killer.die_async", effect="idempotent", timeout=60)
async def die_async() -> None:
    """Kill the process from its event loop."""
    await asyncio.sleep(BEFORE_IT_DIES)
    _die()


@tool(name="killer.die_once", effect="at_most_once", timeout=60)
def die_with_an_effect() -> None:
    """Kill the process in the middle of something that must not be done twice."""
    _die()


@agent("killer-innocent")
def innocent(goal: Seconds) -> TaskGraph:
    """One step that takes a while."""
    g = TaskGraph()
    g.output(g.tool("linger", linger, seconds=goal["seconds"]))
    return g


@agent("killer-beside")
def beside(goal: Seconds) -> TaskGraph:
    """One step that takes a while beside a killer."""
    g = TaskGraph()
    g.output(g.tool("linger", linger_beside, seconds=goal["seconds"]))
    return g


@agent("killer-graph")
def graph(goal: dict[str, Any]) -> TaskGraph:
    """A node of a graph."""
    g = TaskGraph()
    g.output(g.tool("die", die))
    return g


@agent("killer-effect")
def effect(goal: dict[str, Any]) -> TaskGraph:
    """A node of a graph, with an effect."""
    g = TaskGraph()
    g.output(g.tool("die", die_with_an_effect))
    return g


@agent("killer-async")
def on_the_loop(goal: dict[str, Any]) -> TaskGraph:
    """A node of a graph that waits on the event loop."""
    g = TaskGraph()
    g.output(g.tool("die", die_async))
    return g


@agent("killer-map")
def mapped(goal: dict[str, Any]) -> TaskGraph:
    """One item of a map, among others that do no harm; it is tolerated."""
    g = TaskGraph()
    good = g.map("good", linger, over=[0.1, 0.2], each={"seconds": g.item})
    g.map("bad", die, over=[1], each={})
    g.output(good)
    return g


@agent("killer-plan")
def plan(goal: dict[str, Any]) -> TaskGraph:
    """The planning itself."""
    _die()
    return TaskGraph()


@workflow(name="killer-def")
def plain(ctx: Any, goal: dict[str, Any]) -> None:
    """A call of a `def` workflow, after one that does no harm."""
    ctx.tool(linger, seconds=0.1)
    ctx.tool(die)


@workflow(name="killer-own")
async def own(ctx: Any, goal: dict[str, Any]) -> None:
    """An `async def` workflow itself, between its calls."""
    await ctx.tool(linger, seconds=0.1)
    _die()


@workflow(name="fatal-wandering")
def wandering(ctx: Any, goal: dict[str, Any]) -> dict[str, Any]:
    """State, readings and waits, step by step."""
    dice, calls, signals = [], [], []
    for number in range(goal["steps"]):
        dice.append(ctx.random())
        calls.append(ctx.tool(pay, order_id=ORDER, cents=number + 1)["cents"])
        ctx.state["sum"] = ctx.state.get("sum", 0) + number
        ctx.state["last"] = number
        if number % 4 == 2:
            ctx.sleep(0.3)
            signals.append(ctx.signal("go"))
    return {"dice": dice, "calls": calls, "signals": signals, "state": dict(ctx.state)}


agent("fatal-wandering")(wandering)
agent("killer-def")(plain)
agent("killer-own")(own)
