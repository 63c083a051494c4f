"""Arms side by side, and what a workflow must not do."""

from __future__ import annotations

import asyncio
import json
import threading
from typing import Any

import pytest

from jobs import CallFailed, cancel, resolve, signal
from jobs.models import Job, Step
from jobs.testing import run_until_parked
from tests.agents import world
from tests.agents.tools import add, later, look, send
from tests.engine.driving import a_word, after, asked, error_of, flow, kinds
from tests.factories import person
from tests.store.audit import check

pytestmark = pytest.mark.usefixtures("here")


@flow
def side_by_side(ctx: Any, goal: dict[str, Any]) -> list[Any]:
    """A call, a signal and a sleep at once."""
    word = goal["word"]
    return ctx.gather(ctx.later.tool(send, word=word), ctx.later.signal("go"), ctx.later.sleep(60)) + [
        ctx.tool(look, word=f"{word}-then")["n"]
    ]


@flow
async def side_by_side_async(ctx: Any, goal: dict[str, Any]) -> list[Any]:
    """The same as tasks."""
    word = goal["word"]
    arms = await ctx.gather(ctx.tool(send, word=word), ctx.signal("go"), ctx.later.sleep(60))
    then = await ctx.tool(look, word=f"{word}-then")
    return [*arms, then["n"]]


@pytest.mark.parametrize("name", ["side_by_side", "side_by_side_async"])
def test_arms_that_can_run_have_run_when_the_step_parks(name: str) -> None:
    word = a_word()
    job = asked(name, {"word": word})
    assert run_until_parked(job).status == "parked"
    assert (world.times(word), world.times(f"{word}-then")) == (1, 0)
    signal(job, "go", "gone", actor=person())
    assert run_until_parked(job).status == "parked"
    state = after(job, 61)
    assert state.output == [{"word": word, "n": 1}, "gone", None, 1]
    assert world.times(word) == 1


@pytest.mark.parametrize("name", ["side_by_side", "side_by_side_async"])
def test_a_job_that_ends_waits_for_the_unknown_outcome_alone(name: str) -> None:
    word = a_word()
    world.script(word, OSError("the line broke"))  # nobody knows whether it was sent
    job = asked(name, {"word": word})
    assert {entry["kind"] for entry in json.loads(parked_on(job))} == {"unknown_outcome", "signal", "timer"}
    cancel(job, actor=person())
    run_until_parked(job)
    (entry,) = json.loads(parked_on(job))
    assert entry["kind"] == "unknown_outcome"
    assert not Step.objects.filter(
        job_id=job, wake_at__isnull=False
    ).exists()  # the sleep's end is nothing to wake for
    check(job)
    resolve(entry["name"], "fail", actor=person())
    assert run_until_parked(job).status == "cancelled"


def parked_on(job: str) -> str:
    """What the row of a job that has come to rest says it waits for."""
    assert run_until_parked(job).status == "parked"
    return Job.objects.get(id=job).parked_on


@flow
def one_arm_fails(ctx: Any, goal: dict[str, Any]) -> Any:
    """Two arms fail and one waits; the failure is caught."""
    try:
        ctx.gather(
            ctx.later.tool(look, word=goal["word"]),
            ctx.later.signal("go"),
            ctx.later.tool(look, word=goal["other"]),
        )
    except CallFailed as failed:
        return [failed.path, ctx.tool(add, a=1)]


@flow
async def one_arm_fails_async(ctx: Any, goal: dict[str, Any]) -> Any:
    """The same as tasks."""
    try:
        await ctx.gather(
            ctx.later.tool(look, word=goal["word"]),
            ctx.later.signal("go"),
            ctx.later.tool(look, word=goal["other"]),
        )
    except CallFailed as failed:
        return [failed.path, await ctx.tool(add, a=1)]


@pytest.mark.parametrize("name", ["one_arm_fails", "one_arm_fails_async"])
def test_the_first_failure_is_raised_once_all_arms_have_settled(name: str) -> None:
    word, other = a_word(), a_word()
    for each in (word, other):
        world.script(each, *[ValueError("no")] * 3)
    job = asked(name, {"word": word, "other": other})
    run_until_parked(job)
    after(job, 11)
    assert after(job, 21).status == "parked"
    signal(job, "go", actor=person())
    assert run_until_parked(job).output == ["main/0/0/0", 2]


@flow
async def storeys(ctx: Any, goal: dict[str, Any]) -> Any:
    """Arms within arms within arms; one waits, the other goes on with an answer from the deepest."""

    async def deep(level: int) -> Any:
        if level:
            return (await ctx.gather(deep(level - 1)))[0]
        return await ctx.tool(later, word=goal["word"], seconds=0.01)

    async def arm() -> Any:
        first = await deep(8)
        return await ctx.tool(later, word=f"{first}-second", seconds=0.01)

    return await ctx.gather(ctx.signal("go"), arm())


def test_an_arm_goes_on_with_what_comes_from_deep_below_while_another_waits() -> None:
    word = a_word()
    job = asked("storeys", {"word": word})
    assert run_until_parked(job).status == "parked"
    assert world.times(f"{word}-second") == 1
    signal(job, "go", 1, actor=person())
    assert run_until_parked(job).output == [1, f"{word}-second"]


@flow
async def children(ctx: Any, goal: dict[str, Any]) -> Any:
    """Coroutines of its own, each with a counter of its own."""

    async def child(n: int) -> int:
        total = 0
        for each in range(n):
            total += await ctx.tool(add, a=each)
        return total

    return await ctx.gather(*(child(n) for n in range(4)))


def test_child_coroutines_count_their_own_calls() -> None:
    job = asked("children")
    state = run_until_parked(job)
    assert state.output == [0, 1, 3, 6]
    assert {path for path in state.calls if path.startswith("main/0/3/")} == {
        f"main/0/3/{n}" for n in range(3)
    }


@flow
def many_arms(ctx: Any, goal: dict[str, Any]) -> list[Any]:
    """More arms than threads, each with a reading."""
    return ctx.gather(*(ctx.later.tool(add, a=n) for n in range(40)))


def test_more_arms_than_threads_all_come_back_in_order() -> None:
    assert run_until_parked(asked("many_arms")).output == [n + 1 for n in range(40)]


@flow
def swallows(ctx: Any, goal: dict[str, Any]) -> Any:
    """Catch what must not be caught, and go on calling."""
    try:
        ctx.signal("go")
    except BaseException:
        ctx.tool(send, word=goal["word"])
    return "went on"


@flow
def swallows_and_returns(ctx: Any, goal: dict[str, Any]) -> Any:
    """Catch what must not be caught, and return."""
    try:
        ctx.gather(ctx.later.signal("go"))
    except BaseException:
        return "went on"


@flow
async def swallows_async(ctx: Any, goal: dict[str, Any]) -> Any:
    """The same with `await`."""
    try:
        await ctx.signal("go")
    except BaseException:
        await ctx.tool(send, word=goal["word"])
    return "went on"


@pytest.mark.parametrize("name", ["swallows", "swallows_and_returns", "swallows_async"])
def test_a_park_that_is_caught_is_noticed_and_nothing_is_called_after_it(name: str) -> None:
    word = a_word()
    error = error_of(run_until_parked(asked(name, {"word": word})))
    assert error["code"] == "park_caught"
    assert "go" in error["message"] or "main/0" in error["message"]
    assert world.times(word) == 0


@flow
def strays(ctx: Any, goal: dict[str, Any]) -> Any:
    """Call ctx from a thread of its own."""
    found: list[BaseException] = []

    def stray() -> None:
        try:
            ctx.tool(add, a=1)
        except RuntimeError as error:
            found.append(error)

    thread = threading.Thread(target=stray)
    thread.start()
    thread.join()
    raise found[0]


@flow
async def strays_async(ctx: Any, goal: dict[str, Any]) -> Any:
    """Call ctx from a task of its own."""

    async def stray() -> Any:
        return await ctx.tool(add, a=1)

    return await asyncio.ensure_future(stray())


@pytest.mark.parametrize("name", ["strays", "strays_async"])
def test_a_call_from_a_foreign_thread_or_task_is_refused(name: str) -> None:
    job = asked(name)
    error = error_of(run_until_parked(job))
    assert error["class"].endswith("Foreign")
    assert "tool_invocation_started" not in kinds(job)


@flow
def gathers_results(ctx: Any, goal: dict[str, Any]) -> Any:
    """Give gather what has been called already."""
    return ctx.gather(ctx.tool(add, a=1))


def test_gather_in_a_plain_function_asks_for_descriptions() -> None:
    assert "ctx.later" in error_of(run_until_parked(asked("gathers_results")))["message"]
