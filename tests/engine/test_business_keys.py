"""One effect per business key, whichever jobs ask: recall, wait, conflict (Law E2); in graphs and workflows."""

from __future__ import annotations

from typing import Any

import pytest

from jobs import CallFailed, TaskGraph, resolve
from jobs.core.state import JobState
from jobs.testing import run_until_parked
from ledger import NotLanded
from ledger.models import Invocation
from tests.agents import world
from tests.agents.tools import pay
from tests.engine.driving import a_word, after, asked, error_of, flow, kinds, started
from tests.factories import person

pytestmark = pytest.mark.usefixtures("here")


@flow
def pays(ctx: Any, goal: dict[str, Any]) -> Any:
    """Pay once."""
    return ctx.tool(pay, word=goal["word"], cents=goal["cents"])


@flow
def pays_side_by_side(ctx: Any, goal: dict[str, Any]) -> Any:
    """Pay in two arms, in threads."""
    return ctx.gather(
        ctx.later.tool(pay, word=goal["word"], cents=goal["cents"]),
        ctx.later.tool(pay, word=goal["word"] + "-other", cents=1),
    )[0]


@flow
async def pays_as_tasks(ctx: Any, goal: dict[str, Any]) -> Any:
    """Pay in two arms, as tasks."""
    arms = await ctx.gather(
        ctx.tool(pay, word=goal["word"], cents=goal["cents"]),
        ctx.tool(pay, word=goal["word"] + "-other", cents=1),
    )
    return arms[0]


def in_a_graph(goal: dict[str, Any]) -> str:
    graph = TaskGraph()
    graph.output(graph.tool("call", pay, **goal))
    return started(graph)


WAYS = ["graph", "pays", "pays_side_by_side", "pays_as_tasks"]


def payment(way: str, word: str, cents: int = 5) -> str:
    goal = {"word": word, "cents": cents}
    return in_a_graph(goal) if way == "graph" else asked(way, goal)


def unknown_line(job: str) -> Invocation:
    return Invocation.objects.get(job_id=job, state="unknown")


@pytest.mark.parametrize("way", WAYS)
def test_what_has_landed_is_recalled_by_the_next_job(way: str) -> None:
    word = a_word()
    first = run_until_parked(in_a_graph({"word": word, "cents": 5}))
    second = run_until_parked(payment(way, word))
    assert second.output == first.output == {"paid": 5, "n": 1}
    assert world.times(word) == 1
    assert Invocation.objects.filter(job_id=second.job, state="recalled").count() == 1


@pytest.mark.parametrize("way", WAYS)
def test_other_arguments_under_a_used_key_fail_and_nothing_is_called(way: str) -> None:
    word = a_word()
    first = run_until_parked(in_a_graph({"word": word, "cents": 5}))
    error = error_of(run_until_parked(payment(way, word, 6)))
    assert error["code"] == "key_conflict"
    assert first.job in error["message"]
    assert world.times(word) == 1


def doubtful(word: str) -> str:
    world.script(word, OSError("reset"))
    job = in_a_graph({"word": word, "cents": 5})
    assert run_until_parked(job).status == "parked"
    return job


def waits_for_the_effect(job: str) -> JobState:
    from jobs.core.parked import parked_on

    state = run_until_parked(job)
    assert [each["kind"] for each in parked_on(state)] == ["effect"]
    return state


@pytest.mark.parametrize("way", WAYS)
def test_a_key_in_doubt_parks_the_second_job_until_it_is_settled_as_landed(way: str) -> None:
    word = a_word()
    first = doubtful(word)
    second = payment(way, word)
    waits_for_the_effect(second)
    resolve(unknown_line(first).id, "landed", actor=person(), result="once")
    assert run_until_parked(second).output == "once"
    assert world.times(word) == 1


@pytest.mark.parametrize("way", WAYS)
def test_a_key_that_did_not_land_is_taken_by_the_job_that_waited(way: str) -> None:
    word = a_word()
    first = doubtful(word)
    second = payment(way, word)
    waits_for_the_effect(second)
    world.script(word, NotLanded("never", permanent=True))
    resolve(unknown_line(first).id, "absent", actor=person())
    error_of(run_until_parked(first))
    assert run_until_parked(second).status == "completed"
    assert world.times(word) == 3


def test_the_key_given_up_in_doubt_is_not_used_again() -> None:
    word = a_word()
    first = doubtful(word)
    resolve(unknown_line(first).id, "fail", actor=person())
    run_until_parked(first)
    error = error_of(run_until_parked(in_a_graph({"word": word, "cents": 5})))
    assert first in error["message"]
    assert world.times(word) == 1


@flow
def pays_and_catches(ctx: Any, goal: dict[str, Any]) -> Any:
    """Pay; say how it failed."""
    try:
        return ctx.tool(pay, word=goal["word"], cents=goal["cents"])
    except CallFailed as failed:
        return failed.code


def test_a_conflict_can_be_caught_by_the_workflow() -> None:
    word = a_word()
    run_until_parked(in_a_graph({"word": word, "cents": 5}))
    job = asked("pays_and_catches", {"word": word, "cents": 7})
    assert run_until_parked(job).output == "key_conflict"
    assert kinds(job).count("tool_invocation_started") == 0


@flow
def pays_while_another_call_backs_off(ctx: Any, goal: dict[str, Any]) -> Any:
    """One arm waits for an effect, the other for its retry."""
    from tests.agents.tools import look

    return ctx.gather(
        ctx.later.tool(pay, word=goal["word"], cents=5), ctx.later.tool(look, word=goal["other"])
    )


def test_an_arm_that_waits_for_an_effect_does_not_hold_up_the_retry_of_another() -> None:
    word, other = a_word(), a_word()
    first = doubtful(word)
    world.script(other, ValueError("once"))
    job = asked("pays_while_another_call_backs_off", {"word": word, "other": other})
    run_until_parked(job)
    after(job, 11)
    assert world.times(other) == 2
    resolve(unknown_line(first).id, "landed", actor=person(), result="once")
    assert run_until_parked(job).output[0] == "once"
