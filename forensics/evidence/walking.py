"""Back from an effect to what it came of, and forward from a cause to what came of it, within one graph. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

Graph = Mapping[str, Any]
Edge = Mapping[str, Any]
# From the strongest: the plan, a tool, a model or a person says so; the same value stands in both; the code knew of it.
HOWS = ("declared", "observed", "order")
BACK, FORWARD = ("from", "to"), ("to", "from")


@dataclass(frozen=True)
class Reached:
    """A node that a walk came to.

    Args:
        id: of the node.
        distance: edges on the shortest way.
        how: the weakest edge of the strongest way: with `declared`, somebody has said so all along.
    """

    id: str
    distance: int
    how: str


def nodes_of(graph: Graph) -> dict[str, Mapping[str, Any]]:
    """The nodes by their ids."""
    return {each["id"]: each for each in graph["nodes"]}


def reached(graph: Graph, starts: Iterable[str], way: tuple[str, str]) -> dict[str, Reached]:
    """Every node on the way from some nodes, these among them, the nearest first.

    Args:
        graph: as `Evidence.json` gives it.
        starts: ids of nodes.
        way: `BACK` to causes, or `FORWARD` to effects.
    """
    starts = list(starts)
    found: dict[str, Reached] = {}
    for number, how in enumerate(HOWS):
        for id, distance in _distances(graph, starts, way, HOWS[: number + 1]).items():
            found.setdefault(id, Reached(id, distance, how))
    return dict(sorted(found.items(), key=lambda each: (each[1].distance, each[0])))


def _distances(
    graph: Graph, starts: Iterable[str], way: tuple[str, str], hows: Iterable[str]
) -> dict[str, int]:
    here, there = way
    beside: dict[str, list[str]] = defaultdict(list)
    for edge in graph["edges"]:
        if edge["how"] in hows:
            beside[edge[here]].append(edge[there])
    found = dict.fromkeys(starts, 0)
    turn = list(found)
    for id in turn:
        for other in beside[id]:
            if other not in found:
                found[other] = found[id] + 1
                turn.append(other)
    return found


def part_of(graph: Graph, ids: Iterable[str]) -> dict[str, Any]:
    """The graph with some of its nodes, and the edges between these."""
    kept = set(ids)
    return {
        **graph,
        "nodes": [each for each in graph["nodes"] if each["id"] in kept],
        "edges": [each for each in graph["edges"] if each["from"] in kept and each["to"] in kept],
    }


def matching(graph: Graph, word: str) -> list[str]:
    """The nodes that a word means: an id, a step, an invocation, an approval, an idempotency or business key.

    Args:
        graph: where to look.
        word: what somebody has in hand.
    """
    names = ("invocation", "approval", "key", "business_key", "step", "document", "id")
    for name in names:
        found = [each["id"] for each in graph["nodes"] if each.get(name) == word]
        if found:
            return found
    return []


def named(graph: Graph, kind: str, word: str) -> list[str]:
    """The documents, people or models of a graph that have a name or id.

    Args:
        graph: where to look.
        kind: document, person or model.
        word: its name, id, or for a model also `provider/name`.
    """

    def means(node: Mapping[str, Any]) -> bool:
        tail = node["id"].partition("/")[2]
        return word in (
            node.get("document"),
            node.get("name"),
            node.get("digest"),
            tail,
            tail.partition("/")[2],
        )

    asked = [each["id"] for each in graph["nodes"] if kind == "model" and each.get("asked") == word]
    return [each["id"] for each in graph["nodes"] if each["kind"] == kind and means(each)] + asked


def walked(
    graph: Graph, starts: list[str], way: tuple[str, str], ways: Mapping[str, Reached] | None = None
) -> dict[str, Any]:
    """The part of a graph that a walk reaches.

    Args:
        graph: where to walk.
        starts: ids of nodes.
        way: `BACK` or `FORWARD`.
        ways: what a walk through other jobs, too, has reached in it.

    Returns:
        The graph's part, with `of` (the starts), each node's `distance` and `how`, and `beyond`: other jobs to which it leads.
    """
    ways = reached(graph, starts, way) if ways is None else ways
    part = part_of(graph, ways)
    nodes = [
        {**each, "distance": ways[each["id"]].distance, "how": ways[each["id"]].how} for each in part["nodes"]
    ]
    beyond = sorted(
        {each["job"] for each in nodes if each["kind"] in ("job", "invocation") and each.get("job")}
    )
    return {**part, "of": starts, "nodes": nodes, "beyond": beyond}
