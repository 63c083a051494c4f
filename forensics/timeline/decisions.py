"""The decision timeline: who or what decided, when, on what basis; from an evidence graph. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import Any

Node = Mapping[str, Any]
# Nodes that are somebody or something, and decide nothing themselves.
THINGS = frozenset({"person", "agent", "model", "document", "job", "invocation"})
ACTORS = frozenset({"submitted", "decided", "sent", "resolved"})
FRAME = frozenset({"planned"})  # every step has it; no basis of its own


def decisions(graph: Mapping[str, Any]) -> list[dict[str, Any]]:
    """What was decided and done in a job, in order.

    Args:
        graph: the evidence graph as clients see it.

    Returns:
        `{seq, at, settled_at, kind, id, step, what, actor, basis: [{id, kind, how}]}` each; `actor` is a person, the model
        that answered, or the agent.
    """
    causes: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
    for edge in graph["edges"]:
        causes[edge["from"]].append(edge)
    names = {each["id"]: each for each in graph["nodes"]}
    told = [
        _entry(graph, each, causes[each["id"]], names)
        for each in graph["nodes"]
        if each["kind"] not in THINGS
    ]
    return sorted(told, key=lambda each: (each["seq"], each["id"]))


def _entry(
    graph: Mapping[str, Any], node: Node, causes: list[Mapping[str, Any]], names: Mapping[str, Node]
) -> dict[str, Any]:
    basis = [{"id": each["to"], "kind": each["kind"], "how": each["how"]} for each in causes
             if each["kind"] not in ACTORS | FRAME]  # fmt: skip
    marks = {name: True for name in ("erased", "withheld") if node.get(name)}
    return {"seq": node["seq"], "at": node["at"], "settled_at": node.get("settled_at"), "kind": node["kind"], "id": node["id"],
            "step": node.get("step"), "what": what(node), "actor": _actor(graph, node, causes, names), "basis": basis, **marks}  # fmt: skip


def _actor(
    graph: Mapping[str, Any], node: Node, causes: list[Mapping[str, Any]], names: Mapping[str, Node]
) -> dict[str, Any]:
    for each in causes:
        if each["kind"] in ACTORS and each["to"] in names:
            who = names[each["to"]]
            return {
                "kind": who["kind"],
                "id": who["id"],
                "name": who.get("name") or who["id"].rpartition("/")[2],
            }
    if node["kind"] == "model_call" and node.get("answered"):
        return {
            "kind": "model",
            "id": f"model/{node.get('provider', '')}/{node['answered']}",
            "name": node["answered"],
        }
    name = f"{graph['agent']}@{graph['version']}"
    return {"kind": "agent", "id": f"agent/{name}", "name": name}


def what(node: Node) -> str:
    """A node in a few words."""
    kind, state = node["kind"], node.get("state", "")
    said = {
        "request": "asked for", "plan": "planned", "output": f"ended as {state}", "question": f"asked: {node.get('question')}",
        "vote": f"{node.get('decision')} ({node.get('effect')})", "approval": f"the question was {state}",
        "signal": f"signal {node.get('name')}", "message": f"message on {node.get('name')}", "wait": f"waited for {node.get('name')}",
        "resolution": f"said that the effect is {node.get('verdict')}", "child": f"had {node.get('agent')} do it: {state or 'running'}",
    }  # fmt: skip
    if kind in said:
        return said[kind]
    if kind == "model_call":
        tokens = node.get("tokens") or {}
        return f"{node.get('answered') or node.get('asked') or 'a model'} answered ({sum(tokens.values())} tokens): {state}"
    if kind in ("tool", "compensation"):
        return f"{node.get('tool')} {state}" + (
            f", attempt {node['attempts']}" if node.get("attempts", 1) > 1 else ""
        )
    return kind.replace("_", " ") + (f": {node['reason']}" if node.get("reason") else "")
