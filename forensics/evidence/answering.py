"""Who, when, why: the answer to "who had the AI do that", from a graph alone. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .walking import BACK, Graph, Reached, nodes_of, reached

Node = Mapping[str, Any]
CALLS = frozenset({"tool", "model_call", "compensation"})
# What a decision of a machine may rest on, under the name that the answer has for it.
GROUNDS = {
    "models": frozenset({"model_call"}),
    "tools": frozenset({"tool", "child"}),
    "documents": frozenset({"document"}),
    "letters": frozenset({"signal", "message"}),
    "people": frozenset({"resolution"}),
}


def who(graph: Graph, effect: str) -> dict[str, Any]:
    """Who submitted and approved, which agent, which step and attempt, when, and on what it was based.

    Args:
        graph: of the effect's job.
        effect: id of its node.

    Returns:
        `{job, effect, submitted_by, agent, approved_by, based_on: {models, tools, documents, letters, people}, sentence}`;
        each ground says how it is known and how far away it is. What is erased or withheld says so and has no more.
    """
    nodes, ways = nodes_of(graph), reached(graph, [effect], BACK)
    found = [(nodes[id], way) for id, way in ways.items() if id in nodes and id != effect]
    told = {
        "job": graph["job"],
        "effect": dict(nodes[effect]),
        "agent": {
            "name": graph["agent"],
            "version": graph["version"],
            "code": nodes.get("plan", {}).get("code"),
        },
        "submitted_by": _submitter(graph, nodes),
        "approved_by": [_vote(graph, nodes, each, ways) for each, _ in found if each["kind"] == "vote"],
        "based_on": {
            name: [_ground(graph, each, way) for each, way in found if each["kind"] in kinds]
            for name, kinds in GROUNDS.items()
        },
    }
    return {**told, "sentence": sentence(told)}


def _submitter(graph: Graph, nodes: Mapping[str, Node]) -> dict[str, Any] | None:
    if "request" not in nodes:
        return None
    people = _causes(graph, "request", "submitted")
    told = {"at": nodes["request"]["at"], "seq": nodes["request"]["seq"], **_flags(nodes["request"])}
    return {**_person(nodes[people[0]]), **told} if people else told


def _causes(graph: Graph, effect: str, kind: str) -> list[str]:
    return [each["to"] for each in graph["edges"] if each["from"] == effect and each["kind"] == kind]


def _person(node: Node) -> dict[str, Any]:
    return {"person": node["id"], "name": node.get("name") or node["id"].rpartition("/")[2]}


def _flags(node: Node) -> dict[str, bool]:
    return {name: True for name in ("erased", "withheld") if node.get(name)}


def _vote(graph: Graph, nodes: Mapping[str, Node], vote: Node, ways: Mapping[str, Reached]) -> dict[str, Any]:
    people = _causes(graph, vote["id"], "decided")
    asked = nodes.get(f"question/{vote.get('step')}", {})
    shown = [each["to"] for each in graph["edges"] if each["from"] == asked.get("id")
             and each["kind"] in ("used", "value", "informed")]  # fmt: skip
    released = [each["via"] for each in graph["edges"]
                if each["kind"] == "released" and each["to"] == f"step/{vote.get('step')}"]  # fmt: skip
    return {
        **(_person(nodes[people[0]]) if people else {"person": None, "name": None}),
        "decision": vote.get("decision"), "effect": vote.get("effect"), "at": vote["at"], "seq": vote["seq"],
        "comment": vote.get("comment"), "saw": vote.get("saw"), "question": asked.get("question"),
        "saw_what_was_asked": bool(vote.get("saw")) and vote.get("saw") == asked.get("shown"),
        "shown": shown, "released": released, "how": ways[vote["id"]].how, **_flags(vote),
    }  # fmt: skip


_SAID = ("step", "tool", "version", "effect", "invocation", "state", "provider", "asked", "answered", "params", "tokens",
         "prompt", "args", "result", "raw_digest", "document", "digest", "source", "name", "payload", "verdict", "comment")  # fmt: skip


def _ground(graph: Graph, node: Node, way: Reached) -> dict[str, Any]:
    told = {name: node[name] for name in _SAID if name in node}
    people = [
        each["to"]
        for each in graph["edges"]
        if each["from"] == node["id"] and each["to"].startswith("person/")
    ]
    told |= {"by": people} if people else {}
    return {"id": node["id"], "at": node["at"], "seq": node["seq"], **told, "how": way.how, "distance": way.distance,
            **_flags(node)}  # fmt: skip


def sentence(told: Mapping[str, Any]) -> str:
    """The answer in one sentence."""
    effect, agent, asked = told["effect"], told["agent"], told["submitted_by"] or {}
    what = effect.get("tool") or effect.get("answered") or effect["kind"]
    said = [f"{asked.get('name') or 'Somebody'} had {agent['name']}@{agent['version']} do {what}"]
    if effect.get("step"):
        tries = f", attempt {effect['attempts']}" if effect.get("attempts") else ""
        said.append(f" in step {effect['step']}{tries}")
    said.append(f" at {effect.get('settled_at') or effect['at']}")
    yes = [each["name"] or "nobody" for each in told["approved_by"] if each["decision"] == "approve"]
    if yes:
        said.append(f", approved by {', '.join(yes)}")
    models = list(dict.fromkeys(each.get("answered") or "a model" for each in told["based_on"]["models"]))
    if models:
        said.append(f", based on {', '.join(models)}")
    documents = list(
        dict.fromkeys(each.get("document") or "a document" for each in told["based_on"]["documents"])
    )
    if documents:
        said.append(
            f" and the documents {', '.join(documents)}" if models else f", based on {', '.join(documents)}"
        )
    return "".join(said) + "."
