"""Links: what the nodes of a plan owe each other: gates, references that lead somewhere, no cycles."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from difflib import get_close_matches
from fnmatch import fnmatchcase
from typing import cast

from jobs.core.expr import survey
from jobs.core.kinds import STATE_KINDS, Node, survey_node
from jobs.core.names import PlanError

Upstream = Mapping[str, frozenset[str]]


def set_gates(nodes: Mapping[str, Node]) -> None:
    """Write into each node the gates that the branches put before it.

    A plan may name them on the nodes as well, but must not say anything else there. Raises PlanError.
    """
    gates: dict[str, list[dict[str, str]]] = {name: [] for name in nodes}
    for name, side, each in _sides(nodes):
        if each not in gates:
            raise _dangling(name, f"its {side!r}", each, nodes)
        gates[each].append({"branch": name, "side": side})
    for name, node in nodes.items():
        said = {(gate["branch"], gate["side"]) for gate in cast(list[dict[str, str]], node["gates"])}
        if said and said != {(gate["branch"], gate["side"]) for gate in gates[name]}:
            raise PlanError(
                f"node {name!r}: its gates are not what the branches say; leave gates out, or list the node in "
                "then or otherwise of each branch it names",
                "gates_disagree",
                name,
            )
        node["gates"] = gates[name]


def _sides(nodes: Mapping[str, Node]) -> list[tuple[str, str, str]]:
    """Every `(branch, side, node)` that the branches say."""
    branches = [(name, node) for name, node in nodes.items() if node["kind"] == "branch"]
    sides = [(name, side, node[side]) for name, node in branches for side in ("then", "otherwise")]
    return [(name, side, each) for name, side, listed in sides for each in cast(list[str], listed)]


def check_links(nodes: Mapping[str, Node], upstream: Upstream) -> None:
    """Check that every node waits only for nodes that exist, and asks them what they can answer."""
    for name, node in nodes.items():
        if name in upstream[name]:
            raise PlanError(
                f"node {name!r} refers to itself; refer to another node, or remove it", "self_reference", name
            )
        lost = [each for each in upstream[name] if each not in nodes]
        if lost:
            raise _dangling(name, "it", min(lost), nodes)
        _check_states(survey_node(node).states, nodes, name)


def check_output(output: object, nodes: Mapping[str, Node]) -> None:
    """Check that the output names only nodes that exist."""
    found = survey(output)
    if found.item:
        raise PlanError("the output of the plan: the item of a map has no meaning here", "item_outside_map")
    lost = [each for each in found.data | found.soft | found.watched if each not in nodes]
    if lost:
        raise _dangling("", "the output of the plan", min(lost), nodes)
    _check_states(found.states, nodes, "")


def _check_states(states: Collection[tuple[str, str]], nodes: Mapping[str, Node], name: str) -> None:
    for asked, state in sorted(states):
        kinds = STATE_KINDS.get(state)
        if kinds and nodes[asked]["kind"] not in kinds:
            raise PlanError(
                f"{_place(name)}: {asked}.{state} can never be true, because {asked!r} is of kind "
                f"{nodes[asked]['kind']}; only {' and '.join(sorted(kinds))} can end so",
                "bad_state",
                name,
            )


def _dangling(name: str, what: str, lost: str, nodes: Mapping[str, Node]) -> PlanError:
    where = f"node {name!r}: {what}" if name else what
    return PlanError(
        f"{where} names the node {lost!r}, which does not exist{_near(lost, nodes)}; correct the name, or add "
        "that node",
        "unknown_node",
        name,
    )


def _place(name: str) -> str:
    return f"node {name!r}" if name else "the output of the plan"


def _near(name: str, known: Collection[str]) -> str:
    # Only for few names: comparing with thousands would take longer than loading the plan.
    near = get_close_matches(name, sorted(known), 1) if len(known) <= 500 else []
    return f" (did you mean {near[0]!r}?)" if near else ""


def order(upstream: Upstream) -> dict[str, tuple[str, ...]]:
    """Return who waits for each node, in order of creation.

    Raises PlanError (`cycle`) if nodes wait for each other.
    """
    dependents: dict[str, list[str]] = {name: [] for name in upstream}
    for name, before in upstream.items():
        for each in before:
            dependents[each].append(name)
    open_links = {name: len(before) for name, before in upstream.items()}
    free = [name for name, count in open_links.items() if not count]
    for name in free:  # grows while it is gone through
        for each in dependents[name]:
            open_links[each] -= 1
            if not open_links[each]:
                free.append(each)
    if len(free) < len(upstream):
        raise _cycle(upstream, {name for name, count in open_links.items() if count})
    return {name: tuple(waiting) for name, waiting in dependents.items()}


def _cycle(upstream: Upstream, stuck: set[str]) -> PlanError:
    """Every stuck node waits for a stuck one, so that walking back must come round."""
    walk: dict[str, None] = {}
    name = next(each for each in upstream if each in stuck)
    while name not in walk:
        walk[name] = None
        name = min(upstream[name] & stuck)
    path = list(walk)
    ring = [*path[path.index(name) :], name]
    shown = ring if len(ring) <= 12 else [*ring[:6], "...", *ring[-5:]]
    return PlanError(
        f"the nodes wait for each other: {' -> '.join(shown)} (each for the next); remove one of these links",
        "cycle",
        name,
    )


def check_registered(
    nodes: Mapping[str, Node],
    *,
    tools: Collection[str] | None,
    agents: Collection[str] | None,
    workflows: Collection[str] | None,
    models: Collection[str] | None,
) -> None:
    """Check that what the nodes call exists; a collection that is None is not checked."""
    known = {"tool": tools, "agent": agents, "workflow": workflows, "model": models}
    sets = {what: frozenset(names) for what, names in known.items() if names is not None}
    pinned = {name.partition("@")[0] for name in sets.get("agent", ()) if "@" in name}
    for name, node in nodes.items():
        for what, called in _calls(node):
            if what in sets and not _exists(what, called, sets[what], pinned):
                raise PlanError(
                    f"node {name!r}: no {what} {called!r} is registered{_near(called, sets[what])}; correct the "
                    f"name, or register it where the workers import it",
                    f"unknown_{what}",
                    name,
                )


def _calls(node: Node) -> list[tuple[str, str]]:
    """The registered things that a node calls: (what it is, its name)."""
    match node["kind"]:
        case "tool" | "map":
            return [("tool", cast(str, node["tool"]))]
        case "llm":
            tools = [("tool", each) for each in cast(list[str], node["tools"])]
            return [("model", cast(str, node["model"])), *tools]
        case "workflow":
            return [("workflow", cast(str, node["fn"]))]
        case "agent":
            return [("agent", cast(str, node["agent"]))]
    return []


def _exists(what: str, called: str, known: frozenset[str], pinned: set[str]) -> bool:
    if called in known:
        return True
    if what == "model":
        return any(fnmatchcase(called, pattern) for pattern in known)
    if what == "agent":
        base, at, _ = called.partition("@")
        return base in pinned if not at else base in known and base not in pinned
    return False
