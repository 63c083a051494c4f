"""Model calls of graphs and workflows: recorded once with model, provider and tokens, never asked again."""

from __future__ import annotations

from typing import Any

import pytest

from jobs import TaskGraph, signal
from jobs.core.state import JobState
from jobs.models import Event
from jobs.testing import run_until_parked
from ledger.llm import Scripted, register_model
from tests.agents.tools import add
from tests.engine.driving import a_word, after, asked, error_of, flow, started
from tests.factories import person

pytestmark = pytest.mark.usefixtures("here")
HI = [{"role": "user", "content": "hi"}]
USAGE = {"input_tokens": 7, "output_tokens": 3}


@pytest.fixture
def model() -> tuple[str, Scripted]:
    """A model of this test's own, that answers `hello` once."""
    name, provider = a_word(), Scripted([{"text": "hello", "usage": USAGE}])
    register_model(name, provider)
    return name, provider


def wait_then_end(job: str) -> JobState:
    assert run_until_parked(job).status == "parked"
    signal(job, "go", actor=person())
    return run_until_parked(job)


def test_a_model_answers_a_node_once_and_its_words_are_kept(model: tuple[str, Scripted]) -> None:
    name, provider = model
    graph = TaskGraph()
    said = graph.llm("said", name, HI, tools=[add], temperature=0)
    graph.wait("go", signal="go", after=[said])
    graph.output(said)
    job = started(graph)
    output = wait_then_end(job).output
    assert {"text", "output", "tool_calls", "usage", "model"} <= set(output)
    assert (output["text"], output["model"], output["provider"]) == ("hello", name, "scripted")
    assert output["usage"] == USAGE | output["usage"]
    assert provider.calls == 1
    (snapshot,) = Event.objects.filter(job_id=job, node="said", type="reasoning_snapshot")
    assert snapshot.body is not None
    assert '"llm_response"' in snapshot.body
    assert '"name":"add"' in snapshot.body


@flow
def talks(ctx: Any, goal: dict[str, Any]) -> Any:
    """Ask a model, then wait."""
    said = ctx.llm(goal["model"], "hi", temperature=0)
    ctx.signal("go")
    return [said["text"], said["usage"]["input_tokens"]]


@flow
async def talks_async(ctx: Any, goal: dict[str, Any]) -> Any:
    """The same with `await`."""
    said = await ctx.llm(goal["model"], "hi", temperature=0)
    await ctx.signal("go")
    return [said["text"], said["usage"]["input_tokens"]]


@pytest.mark.parametrize("name", ["talks", "talks_async"])
def test_a_model_answers_a_workflow_once_however_often_it_runs(
    name: str, model: tuple[str, Scripted]
) -> None:
    state = wait_then_end(asked(name, {"model": model[0]}))
    assert state.output == ["hello", 7]
    assert model[1].calls == 1


def test_a_model_that_is_away_is_asked_again_with_the_same_key() -> None:
    name, provider = a_word(), Scripted(["back again"], fail_times=2)
    register_model(name, provider)
    graph = TaskGraph()
    graph.output(graph.llm("said", name, HI)["text"])
    job = started(graph)
    run_until_parked(job)
    after(job, 60)
    assert after(job, 60).output == "back again"
    assert provider.calls == 3


def test_a_model_that_nobody_provides_fails_the_node_and_names_it() -> None:
    graph, name = TaskGraph(), a_word()
    graph.llm("said", name, HI)
    assert name in error_of(run_until_parked(started(graph)))["message"]
