"""While a probe asks the world, somebody else settles the call: the probe's answer is dropped, the step goes on."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from jobs import TaskGraph, resolve, store
from jobs.core.commands import LateOutcome, Outcome
from jobs.models import Event
from jobs.testing import run_until_parked
from ledger import Absent, Landed, ToolCall, Unknown, tool
from ledger.models import Invocation
from tests.agents import world
from tests.engine.driving import a_word, asked, flow, kinds, started
from tests.factories import person

pytestmark = pytest.mark.usefixtures("here")


@tool
def overtaken(word: str) -> Any:
    """Do something whose outcome is unknown at first."""
    return world.answer(word, "called again")


@overtaken.probe
def _asked(call: ToolCall) -> Landed | Absent | Unknown:
    world.answer(f"meanwhile {call.args['word']}", lambda call: None)(call)
    return Landed("by the probe")


def a_person_says(call: ToolCall) -> None:
    line = Invocation.objects.get(job_id=call.job_id, node=call.node)
    resolve(line.id, "landed", actor=person(), result="by a person")


def the_call_says(outcome: Outcome) -> Any:
    def say(call: ToolCall) -> None:
        line = Invocation.objects.get(job_id=call.job_id, node=call.node)
        store.commit(call.job_id, LateOutcome(call.node, line.attempt, line.fence, outcome))

    return say


@flow
def overtaken_def(ctx: Any, goal: dict[str, Any]) -> Any:
    """Ask once."""
    return ctx.tool(overtaken, word=goal["word"])


@flow
async def overtaken_async(ctx: Any, goal: dict[str, Any]) -> Any:
    """Ask once."""
    return await ctx.tool(overtaken, word=goal["word"])


def begun(form: str, word: str) -> str:
    if form == "graph":
        graph = TaskGraph()
        graph.output(graph.tool("call", overtaken, word=word))
        return started(graph)
    return asked(f"overtaken_{form}", {"word": word})


@pytest.mark.parametrize("form", ["graph", "def", "async"])
@pytest.mark.parametrize(
    ("meanwhile", "output"),
    [
        (a_person_says, "by a person"),
        (the_call_says(Outcome("landed", "by the call")), "by the call"),
        (the_call_says(Outcome("not_landed", error={"message": "it was not"})), "called again"),
    ],
    ids=["person", "landed", "not_landed"],
)
def test_whoever_knew_first_is_believed_and_the_step_goes_on(
    form: str, meanwhile: Any, output: str, caplog: pytest.LogCaptureFixture
) -> None:
    word = a_word()
    world.script(word, TimeoutError("no answer"))
    world.script(f"meanwhile {word}", meanwhile)
    job = begun(form, word)
    with caplog.at_level(logging.WARNING):
        state = run_until_parked(job)
    assert (state.status, state.output) == ("completed", output)
    assert kinds(job).count("outcome_resolved") == 1
    assert not Event.objects.filter(job_id=job, type="node_failed").exists()
    assert "broke off" not in caplog.text
