"""Plan: a validated, immutable graph, as the engine uses it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from functools import cached_property
from types import MappingProxyType
from typing import Any, cast

from jobs.core import links
from jobs.core.expr import plain, survey
from jobs.core.kinds import KINDS, Node, read_node, survey_node
from jobs.core.names import PlanError, clip

FORMAT = 1
MAX_NODES = 10_000

__all__ = ["FORMAT", "MAX_NODES", "Plan", "PlanError", "PlanNode"]


@dataclass(frozen=True)
class PlanNode:
    """One node of a plan.

    `needs` are the nodes whose data it cannot do without, `soft` those it has a default for,
    `watches` those whose state or error it names anywhere, `names_states` those its own `when` names.
    `spec` holds the fields of its kind.
    """

    id: str
    kind: str
    after: tuple[str, ...]
    when: object
    retry: Mapping[str, object] | None
    timeout: float | None
    on_error: str
    gates: tuple[tuple[str, str], ...]
    spec: Mapping[str, Any]
    needs: frozenset[str]
    soft: frozenset[str]
    watches: frozenset[str]
    names_states: frozenset[str]

    @cached_property
    def upstream(self) -> frozenset[str]:
        """Every node that this one has to wait for."""
        branches = (branch for branch, _ in self.gates)
        return self.needs | self.soft | self.watches | frozenset(self.after) | frozenset(branches)


@dataclass(frozen=True)
class Plan:
    """A graph that was found valid: its nodes in order of creation, its output, who waits for whom."""

    nodes: Mapping[str, PlanNode]
    output: object
    dependents: Mapping[str, tuple[str, ...]]
    _data: dict[str, object] = field(repr=False, compare=False)

    @classmethod
    def load(
        cls,
        data: object,
        tools: Collection[str] | None = None,
        agents: Collection[str] | None = None,
        workflows: Collection[str] | None = None,
        models: Collection[str] | None = None,
    ) -> Plan:
        """Validate a plan completely.

        Args:
            data: the JSON of format 1; optional fields may be absent.
            tools: the names that exist; None means that they are not checked. Likewise the others.
            agents: "refund" (any version), or "refund@2" for each version that exists.
            workflows: names of workflows.
            models: names of models, or patterns such as "gpt-*".

        Returns:
            The plan, in normal form.

        Raises:
            PlanError: with a code, the node, and what to do.
        """
        raw, output = _read_frame(data)
        listed = _read_nodes(raw)
        links.set_gates(listed)
        nodes = {node_id: _plan_node(node) for node_id, node in listed.items()}
        upstream = {node_id: node.upstream for node_id, node in nodes.items()}
        links.check_links(listed, upstream)
        links.check_output(output, listed)
        dependents = links.order(upstream)
        links.check_registered(listed, tools=tools, agents=agents, workflows=workflows, models=models)
        return cls(
            nodes=MappingProxyType(nodes),
            output=output,
            dependents=MappingProxyType(dependents),
            _data={"format": FORMAT, "nodes": list(listed.values()), "output": output},
        )

    @classmethod
    def read(cls, data: object) -> Plan:
        """The plan that recorded JSON is; what this process has written itself is not validated once more."""
        return data.plan if isinstance(data, Written) else cls.load(data)

    def to_json(self) -> dict[str, object]:
        """Return the plan as JSON in normal form; the caller may change it freely."""
        return deepcopy(self._data)

    def written(self) -> Written:
        """Return the plan as JSON in normal form, to be recorded as it is; nobody may change it."""
        return Written(self)


class Written(dict[str, object]):
    """The JSON of a plan that this process has found valid, with the plan."""

    def __init__(self, plan: Plan) -> None:
        super().__init__(plan._data)
        self.plan = plan


def _read_frame(data: object) -> tuple[list[object], object]:
    """Check everything outside the nodes; return the raw nodes and the output."""
    if not isinstance(data, dict):
        raise PlanError(
            f"{clip(data)} is not a plan: use an object with format, nodes and output", "bad_plan"
        )
    unknown = [key for key in data if key not in ("format", "nodes", "output")]
    if unknown:
        raise PlanError(
            f"unknown field {clip(unknown[0])}: a plan has format, nodes and output", "unknown_field"
        )
    if type(data.get("format")) is not int or data["format"] != FORMAT:
        raise PlanError(
            f"the format of the plan is {clip(data.get('format'))}: this version reads 1", "bad_format"
        )
    nodes = data.get("nodes")
    if not isinstance(nodes, list):
        raise PlanError("the nodes of a plan are a list", "bad_plan")
    if not nodes:
        raise PlanError("a graph needs at least one node", "empty")
    if len(nodes) > MAX_NODES:
        raise PlanError(
            f"the plan has {len(nodes):,} nodes, the limit is {MAX_NODES:,}: use g.map, or child agents",
            "too_many_nodes",
        )
    try:
        output = plain(data.get("output"))
        survey(output)
    except PlanError as problem:
        raise PlanError(f"the output of the plan: {problem}", problem.code) from None
    return nodes, output


def _read_nodes(raw: list[object]) -> dict[str, Node]:
    """Return the normal form of every node, by id."""
    listed: dict[str, Node] = {}
    for each in raw:
        node = read_node(each)
        node_id = cast(str, node["id"])
        if node_id in listed:
            raise PlanError(f"node {node_id!r}: the id is used twice; rename one", "duplicate_id", node_id)
        listed[node_id] = node
    return listed


def _plan_node(node: Node) -> PlanNode:
    found = survey_node(node)
    retry = cast("dict[str, object] | None", node["retry"])
    return PlanNode(
        id=cast(str, node["id"]),
        kind=cast(str, node["kind"]),
        after=tuple(cast(list[str], node["after"])),
        when=node["when"],
        retry=None if retry is None else MappingProxyType(retry),
        timeout=cast("float | None", node["timeout"]),
        on_error=cast(str, node["on_error"]),
        gates=tuple((gate["branch"], gate["side"]) for gate in cast(list[dict[str, str]], node["gates"])),
        spec=MappingProxyType({key: node[key] for key in KINDS[cast(str, node["kind"])]}),
        needs=frozenset(found.data),
        soft=frozenset(found.soft - found.data),
        watches=frozenset(found.watched),
        names_states=frozenset(survey(node["when"]).watched),
    )
