"""The plan of a job whose agent is a workflow: that one step."""

from __future__ import annotations

from typing import Any

from .agents import Workflow
from .core.graph import TaskGraph

WORKFLOW_NODE = "main"


def single_step(flow: Workflow, goal: Any) -> TaskGraph:
    """A graph of one workflow node, whose result is the output."""
    graph = TaskGraph()
    graph.output(graph.workflow(WORKFLOW_NODE, flow, goal=goal))
    return graph
