"""What a planner may not return: the job fails with an error that names the node, and nothing has run."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import BaseModel
from typing_extensions import TypedDict

from jobs import TaskGraph, agent, submit
from jobs.core.errors import Invalid
from jobs.testing import run_until_parked
from tests.agents.tools import add
from tests.engine.driving import asked, error_of, kinds, started
from tests.factories import person

pytestmark = pytest.mark.usefixtures("here")


def graph_of(**changes: Any) -> dict[str, Any]:
    """A good graph of two nodes, `one` and `two`, with one of them changed."""
    graph = TaskGraph()
    one = graph.tool("one", add, a=1)
    graph.output(graph.tool("two", add, a=one))
    drawn: dict[str, Any] = graph.to_json()
    for node in drawn["nodes"]:
        node.update(changes.get(node["id"], {}))
    return drawn


BAD: dict[str, tuple[dict[str, Any], str]] = {
    "an unknown tool": ({"one": {"tool": "ad"}}, "one"),
    "a dangling reference": ({"two": {"args": {"a": {"$ref": ["none"]}}}}, "two"),
    "a cycle": ({"one": {"args": {"a": {"$ref": ["two"]}}}}, "one"),
    "a literal that does not fit": ({"one": {"args": {"a": "much"}}}, "one"),
    "an argument that the tool does not take": ({"two": {"args": {"a": {"$ref": ["one"]}, "z": 1}}}, "two"),
    "an argument left out": ({"one": {"args": {}}}, "one"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_graph_with_a_fault_is_refused_naming_the_node(name: str) -> None:
    changes, node = BAD[name]
    job = started(graph_of(**changes))
    error = error_of(run_until_parked(job))
    assert node in error["message"]
    assert error["node"] == node
    assert "plan_generated" not in kinds(job)


def test_the_good_graph_runs() -> None:
    assert run_until_parked(started(graph_of())).output == 3


@agent("raises")
def raises(goal: Any) -> TaskGraph:
    """A planner with a fault."""
    raise LookupError("no plan for this")


@agent("answers")
def answers(goal: Any) -> Any:
    """A planner that gives no graph."""
    return "done"


def test_a_planner_that_raises_fails_the_job_with_what_it_said() -> None:
    error = error_of(run_until_parked(asked("raises")))
    assert (error["class"], error["message"]) == ("LookupError", "no plan for this")
    assert "raises" in error["traceback_tail"]


def test_a_planner_that_returns_something_else_fails_the_job() -> None:
    error = error_of(run_until_parked(asked("answers")))
    assert error["code"] == "not_a_graph"
    assert "str" in error["message"]


class Order(BaseModel):
    """A goal with a form."""

    cents: int


class Note(TypedDict):
    """Another form."""

    text: str


@agent("typed")
def typed(goal: Order) -> TaskGraph:
    """Takes a model."""
    assert isinstance(goal, Order)
    graph = TaskGraph()
    graph.output(graph.tool("sum", add, a=goal.cents))
    return graph


@agent("noted")
def noted(goal: Note) -> TaskGraph:
    """Takes a typed dict."""
    graph = TaskGraph()
    graph.output({"text": goal["text"], "n": graph.tool("sum", add, a=1)})
    return graph


def test_a_goal_arrives_in_the_form_that_the_planner_declares() -> None:
    assert run_until_parked(asked("typed", {"cents": 4})).output == 5
    assert run_until_parked(asked("noted", {"text": "x"})).output == {"text": "x", "n": 2}


@pytest.mark.parametrize(("name", "goal"), [("typed", {"cents": "4"}), ("noted", {}), ("typed", [])])
def test_a_goal_of_another_form_is_refused_at_the_door(name: str, goal: Any) -> None:
    with pytest.raises(Invalid) as refused:
        submit(name, goal, actor=person())
    assert refused.value.code == "bad_goal"
