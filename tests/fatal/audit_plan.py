"""The auditor's reading of a plan: who waits for whom."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

NOT_READ = {
    "id",
    "kind",
    "after",
    "gates",
    "retry",
    "form",
    "output",
    "groups",
    "users",
    "escalate_to",
    "tools",
}
Plan = dict[str, dict[str, Any]]


def nodes_of(plan: Mapping[str, Any]) -> Plan:
    """The nodes of a plan by their ids, in its order."""
    return {node["id"]: node for node in plan["nodes"]}


def inputs_of(plan: Plan) -> dict[str, set[str]]:
    """What each node waits for.

    An approval waits besides for the other inputs of the nodes directly after it, because it shows the arguments
    that it releases; never for what waits for itself.
    """
    waits = {name: _upstream(node) for name, node in plan.items()}
    after = {name: {other for other in plan if name in waits[other]} for name in plan}
    direct = {name: set(others) for name, others in after.items()}
    upstream = {name: set(others) for name, others in waits.items()}
    for name, node in plan.items():
        if node["kind"] == "approval":
            others = {other for each in direct[name] for other in _shown(plan, each, upstream[each])}
            for other in others - _below(after, name):
                waits[name].add(other)
                after[other].add(name)
    return waits


def _shown(plan: Plan, follower: str, upstream: set[str]) -> set[str]:
    """What an approval has to know of a node that it releases; of other approvals only their data."""
    data = set(_named(plan[follower], ("$ref",)))
    return {other for other in upstream if other in data or plan[other]["kind"] != "approval"}


def _upstream(node: Mapping[str, Any]) -> set[str]:
    gates = {gate["branch"] for gate in node["gates"]}
    return {*node["after"], *gates, *_named(node, ("$ref", "$state", "$error"))}


def _below(after: Mapping[str, set[str]], name: str) -> set[str]:
    found, stack = {name}, [name]
    while stack:
        new = after[stack.pop()] - found
        found |= new
        stack.extend(new)
    return found


def _named(node: Mapping[str, Any], forms: tuple[str, ...]) -> Iterator[str]:
    for field, value in node.items():
        if field not in NOT_READ:
            yield from _references(value, forms)


def _references(value: Any, forms: tuple[str, ...]) -> Iterator[str]:
    if isinstance(value, list):
        for each in value:
            yield from _references(each, forms)
    elif isinstance(value, dict) and "$lit" not in value:
        for key, each in value.items():
            if key in forms and isinstance(each, list):
                yield each[0]
            yield from _references(each, forms)
