"""A graph from events, wherever they come from. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from ..standalone import Evidence

Part = Callable[[str], Any]


def graph_of(events: Iterable[dict[str, Any]], part: Part) -> Evidence:
    """The whole graph of a job.

    Args:
        events: its wire events in order, with `raw`; bodies as they are stored, large parts outside them.
        part: gives the value of a large part by its digest; None where it is missing.

    Returns:
        Nodes and edges; nothing leads to a step that never was.
    """
    graph = Evidence(part)
    for event in events:
        graph.take(event)
    for digest in sorted(graph.wants):
        graph.give(digest, part(digest))
    graph.end()
    return graph
