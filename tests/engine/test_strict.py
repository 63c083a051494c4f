"""Strict mode: a step that reaches around ctx fails at once, with its line and what to write; tools may do all that."""

from __future__ import annotations

import asyncio
import os
import random
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.test import override_settings

from forensics.services import replay_job
from jobs import TaskGraph, agent, signal
from jobs.models import Job
from jobs.testing import run_until_parked, strict
from ledger import Landed, ToolCall, tool
from tests.agents.tools import add
from tests.engine.driving import asked, error_of, flow
from tests.factories import person

pytestmark = pytest.mark.usefixtures("here")
REACH: dict[str, Callable[[], Any]] = {}


@flow
def careless(ctx: Any, goal: Any) -> Any:
    """Ask, reach around, wait, ask again."""
    ctx.tool(add, a=1)
    REACH["now"]()
    ctx.signal("go")
    return ctx.tool(add, a=2)


@flow
async def careless_async(ctx: Any, goal: Any) -> Any:
    """The same with `await`, beside another arm."""
    await ctx.gather(ctx.tool(add, a=1), ctx.tool(add, a=5))
    REACH["now"]()
    await ctx.signal("go")
    return await ctx.tool(add, a=2)


@agent("careless_planner")
def careless_planner(goal: Any) -> TaskGraph:
    """Plan as the test says now."""
    REACH["now"]()
    graph = TaskGraph()
    graph.output(graph.tool("sum", add, a=1))
    return graph


WAYS: dict[str, tuple[Callable[[], Any], str, str]] = {
    "the clock": (lambda: time.time(), "the clock (time.time)", "ctx.now()"),
    "a die": (lambda: random.random(), "randomness (random.random)", "ctx.random()"),
    "a file": (lambda: open(__file__).close(), "a file (open)", "ctx.tool"),
    "the environment": (lambda: os.environ["PATH"], "the environment (os.environ)", "with the goal"),
    "a tool": (lambda: add(a=1), "a direct call of tool add", "ctx.tool"),
}


@pytest.mark.parametrize("name", ["careless", "careless_async", "careless_planner"])
@pytest.mark.parametrize("way", WAYS)
def test_a_step_that_reaches_around_ctx_fails_and_says_what_to_write(
    name: str, way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    reach, what, instead = WAYS[way]
    monkeypatch.setitem(REACH, "now", reach)
    job = asked(name)
    with strict():
        error = error_of(run_until_parked(job))
    assert error["code"] == "outside_world"
    assert f"{what} at {__file__}:{reach.__code__.co_firstlineno} in " in error["message"]
    assert instead in error["message"]
    assert replay_job(job)["problem"] is None  # its code still does what its record says


@pytest.mark.parametrize("name", ["careless", "careless_async"])
def test_what_the_code_catches_is_refused_again_at_its_next_question(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def caught() -> None:
        try:
            time.time()
        except Exception:
            return

    monkeypatch.setitem(REACH, "now", caught)
    with strict():
        assert error_of(run_until_parked(asked(name)))["code"] == "outside_world"


def test_the_database_is_closed_to_a_strict_step(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(REACH, "now", lambda: Job.objects.count())
    with strict():
        assert "the database (SELECT)" in error_of(run_until_parked(asked("careless")))["message"]


@pytest.mark.parametrize("name", ["careless", "careless_async", "careless_planner"])
def test_without_strictness_nobody_watches_and_the_setting_is_enough(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(REACH, "now", time.time)
    assert run_until_parked(asked(name)).status != "failed"
    with override_settings(AETHERIS={"STRICT": True}):
        assert error_of(run_until_parked(asked(name)))["code"] == "outside_world"
    assert run_until_parked(asked(name)).status != "failed"


@tool(effect="at_most_once", key=lambda word, **_: f"reach:{word}")
def reaching(word: str, call: ToolCall) -> dict[str, Any]:
    """A tool that does what only tools may do, and then loses its answer."""
    time.time()
    Path(__file__).read_bytes()
    Job.objects.count()
    raise OSError("the answer was lost")


@reaching.probe
def _(call: ToolCall) -> Landed:
    return Landed({"at": time.time() > 0, "pid": os.getpid() > 0})


@tool(effect="pure")
async def reaching_async() -> float:
    """The same on a loop."""
    await asyncio.sleep(0.001)
    return time.time()


@flow
def careful(ctx: Any, goal: Any) -> Any:
    """Everything through ctx, side by side too."""
    told = [ctx.now().isoformat(), ctx.random(), str(ctx.uuid())]
    ctx.gather(ctx.later.tool(reaching_async), ctx.later.tool(add, a=1), ctx.later.signal("go"))
    ctx.log.info("still here")
    return [*told, ctx.tool(reaching, word=str(ctx.uuid()))]


@flow
async def careful_async(ctx: Any, goal: Any) -> Any:
    """The same with `await`."""
    told = [(await ctx.now()).isoformat(), await ctx.random(), str(await ctx.uuid())]
    await ctx.gather(ctx.tool(reaching_async), ctx.tool(add, a=1), ctx.signal("go"))
    return [*told, await ctx.tool(reaching, word=str(await ctx.uuid()))]


@pytest.mark.parametrize("name", ["careful", "careful_async"])
def test_tools_and_their_probes_may_touch_the_world(name: str) -> None:
    with strict():
        job = asked(name)
        assert run_until_parked(job).status == "parked"
        signal(job, "go", actor=person())
        state = run_until_parked(job)
    assert state.status == "completed", state.failure
    assert replay_job(job)["ok"]
