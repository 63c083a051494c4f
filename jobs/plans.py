"""The plan of a job whose agent is a workflow: that one step; and which code a step runs."""

from __future__ import annotations

from typing import Any

from .agents import UnknownAgent, UnknownWorkflow, Workflow, get_agent, get_workflow
from .core.graph import TaskGraph
from .core.state import JobState, Node

WORKFLOW_NODE = "main"


def single_step(flow: Workflow, goal: Any) -> TaskGraph:
    """A graph of one workflow node, whose result is the output."""
    graph = TaskGraph()
    graph.output(graph.workflow(WORKFLOW_NODE, flow, goal=goal))
    return graph


def code_of(state: JobState, node: Node, version: str | None = None) -> str:
    """The digest of the source of the function that a planning or workflow step runs; empty if it is not known here."""
    try:
        if node.kind == "workflow":
            spec = state.spec(node)
            return get_workflow(spec.spec["fn"]).code if spec is not None else ""
        return get_agent(state.agent, version or state.version).code
    except (UnknownAgent, UnknownWorkflow):
        return ""
