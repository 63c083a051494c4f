"""Toy planners."""

from __future__ import annotations

from typing import Any

from jobs import TaskGraph, agent
from tests.agents.tools import add, later, linger, look


@agent("drawn")
def drawn(goal: dict) -> dict:  # type: ignore[type-arg]
    """The graph that the goal itself draws: tests say there what they want to run."""
    graph: dict[str, Any] = goal["graph"]
    return graph


@agent("adder")
def adder(goal: dict) -> TaskGraph:  # type: ignore[type-arg]
    """Add `b` to `a`."""
    graph = TaskGraph()
    graph.output(graph.tool("sum", add, a=goal["a"], b=goal["b"]))
    return graph


@agent("spread")
def spread(goal: dict) -> TaskGraph:  # type: ignore[type-arg]
    """Branches, items and a child that all take a while, so that several workers share them."""
    return _spread(linger, goal)


@agent("spread_async")
def spread_async(goal: dict) -> TaskGraph:  # type: ignore[type-arg]
    """The same with calls that wait on the event loop."""
    return _spread(later, goal)


def _spread(tool: Any, goal: dict[str, Any]) -> TaskGraph:
    graph = TaskGraph()
    for index in range(goal["branches"]):
        graph.tool(f"branch-{index}", tool, word=goal["word"], seconds=goal["seconds"])
    each = {"word": goal["word"], "seconds": goal["seconds"]}
    items = graph.map("items", tool, over=[each] * goal["items"],
                      each={"word": graph.item["word"], "seconds": graph.item["seconds"]})  # fmt: skip
    child = graph.agent("child", "looker", {"word": goal["word"]})
    graph.output({"items": items, "child": child})
    return graph


@agent("looker")
def looker(goal: dict) -> TaskGraph:  # type: ignore[type-arg]
    """Look once."""
    graph = TaskGraph()
    graph.output(graph.tool("look", look, word=goal["word"]))
    return graph


@agent("with_a_child")
def with_a_child(goal: dict) -> TaskGraph:  # type: ignore[type-arg]
    """Have another agent look."""
    graph = TaskGraph()
    graph.output(graph.agent("child", "looker", {"word": goal["word"]}))
    return graph
