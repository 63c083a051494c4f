"""Ours: the same step as a tool that can be asked afterwards, and as one that cannot."""

from benchmarks.crashlab.effect import charge, charges
from jobs import TaskGraph, agent
from ledger import Absent, Landed, ToolCall, tool


@tool(name="crashlab.probed", timeout=30)
def probed() -> str:
    """Charge."""
    return charge()


@probed.probe
def _(call: ToolCall) -> Landed | Absent:
    return Landed("charged") if charges() else Absent()


@tool(name="crashlab.blind", timeout=30)
def blind() -> str:
    """Charge, with nobody to ask afterwards."""
    return charge()


@agent("crashlab-probed")
def with_a_probe(goal: dict) -> TaskGraph:  # type: ignore[type-arg]
    """One step."""
    g = TaskGraph()
    g.output(g.tool("pay", probed))
    return g


@agent("crashlab-blind")
def without_a_probe(goal: dict) -> TaskGraph:  # type: ignore[type-arg]
    """One step."""
    g = TaskGraph()
    g.output(g.tool("pay", blind))
    return g
