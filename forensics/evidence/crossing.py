"""Where the graph of one job leads to the graphs of others: from a child to its parent, from a fork to its origin. Pure."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from .walking import Edge, Graph

_COPIED = re.compile(r"event ([0-9]{1,18})")
_NUMBERED = ("vote/", "signal/", "message/", "resolution/")  # ids that hold the number of their event


@dataclass(frozen=True)
class Way:
    """An arrow from something in one job to what it came of in another.

    Args:
        effect: id of a node of the job that tells it.
        job: the other one.
        causes: ids of its nodes; the first that is there counts.
        kind: as that of the edge.
        how: likewise.
        via: likewise.
        asks: whether the cause is the step of a parent as it asked: what its child answered came later.
        answers: whether the effect is the step of a parent as it was answered.
        invocation: the cause by its line in the ledger.
        born: whether the cause is also where the other job noted the fork.
    """

    effect: str
    job: str
    causes: tuple[str, ...]
    kind: str
    how: str
    via: str
    asks: bool = False
    answers: bool = False
    invocation: str = ""
    born: bool = False


@dataclass
class Map:
    """A graph with its arrows at hand, from both ends.

    Args:
        graph: as `Evidence.json` gives it.
    """

    graph: Graph
    nodes: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    out: dict[str, list[Edge]] = field(default_factory=lambda: defaultdict(list))
    into: dict[str, list[Edge]] = field(default_factory=lambda: defaultdict(list))
    ways: dict[str, list[Way]] = field(default_factory=lambda: defaultdict(list))
    to: dict[str, list[Way]] = field(default_factory=lambda: defaultdict(list))
    lines: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.nodes = {each["id"]: each for each in self.graph["nodes"]}
        self.lines = {
            str(each["invocation"]): each["id"]
            for each in self.graph["nodes"]
            if each["id"].startswith("step/") and each.get("invocation")
        }
        for edge in self.graph["edges"]:
            self.out[edge["from"]].append(edge)
            self.into[edge["to"]].append(edge)
            way = _way(edge, self.nodes.get(edge["to"], {}))
            if way is not None and way.job != self.graph["job"]:
                self.ways[way.effect].append(way)
                self.to[way.job].append(way)

    def others(self) -> set[str]:
        """The other jobs that the graph names."""
        return {str(each["job"]) for each in self.nodes.values() if each["kind"] == "job" and each.get("job")}

    def ends_of(self, way: Way, born: str) -> Iterator[str]:
        """The nodes of this graph to which another job's arrow leads.

        Args:
            way: the arrow.
            born: id of the job that tells it.
        """
        if way.invocation:
            yield from (each for each in [self.lines.get(way.invocation)] if each)
            return
        yield from [each for each in way.causes if each in self.nodes][:1]
        if way.born:
            yield from (each["to"] for each in self.out.get(f"job/{born}", ()) if each["kind"] == "forked")


def _way(edge: Edge, there: Mapping[str, Any]) -> Way | None:
    """The arrow into another job for which an edge stands."""
    job = there.get("job")
    if there.get("kind") not in ("job", "invocation") or not isinstance(job, str):
        return None
    effect, kind, via = edge["from"], edge["kind"], edge["via"]
    told: dict[str, Any] = {"effect": effect, "job": job, "kind": kind, "how": edge["how"], "via": via}
    if there["kind"] == "invocation":
        return Way(**told, causes=(), invocation=str(there.get("invocation") or ""))
    if effect.startswith("job/"):
        return None
    if kind == "child":
        if effect == "request":
            return Way(**told, causes=(f"step/{via}", "request"), asks=True)
        return Way(**told, causes=("output",), answers=True)
    if kind == "forked":
        return Way(**told, causes=("request",), born=True)
    if kind == "copied":
        return Way(**told, causes=(_original(effect, via),))
    if kind == "kept":
        return Way(**told, causes=("output",))
    return Way(**told, causes=(f"step/{via}", "request"))


def _original(effect: str, via: str) -> str:
    """The id that a copied node has where it was copied from."""
    number = _COPIED.fullmatch(via)
    if number and effect.startswith(_NUMBERED):
        return f"{effect.partition('/')[0]}/{number[1]}"
    return effect
