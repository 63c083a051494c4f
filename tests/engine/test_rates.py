"""A tool's rate: over it, steps wait parked for slots of their own; nothing is called early, nothing is lost."""

from __future__ import annotations

from datetime import timedelta
from types import SimpleNamespace
from uuid import uuid4

import pytest

from jobs import TaskGraph, clock, limits
from jobs.core.moments import parse
from jobs.core.parked import parked_on
from jobs.incarnation import Incarnation
from jobs.promises import CannotStart, promise_again
from ledger import tool
from tests.agents import world
from tests.engine.driving import a_word, after, asked, flow, ran


@tool(effect="pure", rate="2/m")
def slowly(word: str) -> int:
    """Read something, twice a minute."""
    return world.did(word)


def test_steps_over_the_rate_park_until_slots_of_their_own(here: Incarnation) -> None:
    word = a_word()
    graph = TaskGraph()
    graph.output(graph.map("all", slowly, over=[word] * 6, each={"word": graph.item}))
    clock.shift(3600)  # whatever other tests have used up is free again
    state = ran(graph)
    waits = parked_on(state)
    assert (world.times(word), state.status) == (2, "parked")
    assert {(wait["kind"], wait["name"]) for wait in waits} == {("limit", "slowly")}
    times = sorted(parse(wait["deadline"]) for wait in waits)
    gaps = {later - earlier for earlier, later in zip(times, times[1:], strict=False)}
    assert len(times) == 4
    assert all(abs(gap - timedelta(seconds=30)) < timedelta(seconds=1) for gap in gaps)
    assert after(state.job, 31).status == "parked"
    assert world.times(word) == 3
    assert after(state.job, 90).status == "completed"
    assert world.times(word) == 6


def test_tenants_do_not_share_a_rate(here: Incarnation) -> None:
    tool_name, one, other = "x", uuid4().hex, uuid4().hex
    assert [limits.reserve(one, tool_name, calls=1, seconds=60) is None for _ in range(2)] == [True, False]
    assert limits.reserve(other, tool_name, calls=1, seconds=60) is None


@tool(effect="pure", rate="2/s")
def briskly(word: str) -> int:
    """Read something, twice a second."""
    return world.did(word)


@flow
def rated(ctx, goal):  # type: ignore[no-untyped-def]
    """Call three times."""
    return [ctx.tool(briskly, word=goal["word"]) for _ in range(3)]


def test_a_workflow_waits_for_the_rate_before_it_promises(here: Incarnation) -> None:
    from jobs.testing import run_until_parked

    word = a_word()
    before = clock.now()
    state = run_until_parked(asked("rated", {"word": word}))
    assert (state.status, world.times(word)) == ("completed", 3)
    promised = [parse(call.info["deadline"]) for call in state.calls.values()]
    assert max(promised) - before >= timedelta(seconds=60.4)


def test_a_call_that_waited_and_fits_its_tool_no_more_cannot_start() -> None:
    """It was recorded, and not promised, when another version of the tool was deployed."""

    def key(word: str) -> str:
        return word

    now = tool(name="renamed_argument", key=key)(lambda word: word)
    asked = SimpleNamespace(info={}, args={"text": "x"}, path="call")
    with pytest.raises(CannotStart, match="call: tool 'renamed_argument' refused its arguments"):
        promise_again(SimpleNamespace(origin="o"), asked, now)  # type: ignore[arg-type]
