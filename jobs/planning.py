"""A planner's graph is checked before anything runs: against the grammar, and against what is registered."""

from __future__ import annotations

import json
from typing import Any

from ledger import Tool, all_tools
from ledger.schema import BadArguments, validate_args

from .agents import all_agents, all_workflows
from .core.expr import survey
from .core.graph import TaskGraph
from .core.names import PlanError
from .core.plan import Plan, PlanNode
from .deadlines import longest
from .models import Definition
from .secrecy import forbidden


def checked_plan(result: Any) -> Plan:
    """The plan that a planner's result is.

    Raises:
        PlanError: no graph, an unknown tool, agent or workflow, a dangling reference, a bad argument…; names the node.
    """
    if isinstance(result, TaskGraph):
        data = result.to_json()
    elif isinstance(result, dict):
        data = result
    else:
        raise PlanError(
            f"a planner returns a TaskGraph (or its JSON), not {type(result).__name__}", "not_a_graph"
        )
    if (why := forbidden(data, "texts of the plan")) is not None:
        raise PlanError(why, "secret_in_plan")
    tools = all_tools()
    plan = _loaded(data, tools)
    for node in plan.nodes.values():
        _check_time(node, tools)
        _check_arguments(node, tools)
    return plan


def _loaded(data: Any, tools: dict[str, Tool]) -> Plan:
    """The plan, if every name in it is known to this process, or else to another one: only then is the database asked."""
    agents = {each.name for each in all_agents()} | {each.offer for each in all_agents()}
    try:
        return Plan.load(data, tools=tools, agents=agents, workflows=all_workflows())
    except PlanError:
        elsewhere = set(Definition.objects.values_list("kind", "name", "version"))
    agents |= {name for kind, name, _ in elsewhere if kind == "agent"}
    agents |= {f"{name}@{version}" for kind, name, version in elsewhere if kind == "agent"}
    names = {*tools} | {name for kind, name, _ in elsewhere if kind == "tool"}
    return Plan.load(data, tools=names, agents=agents, workflows=all_workflows())


def _check_time(node: PlanNode, tools: dict[str, Tool]) -> None:
    tool = tools.get(node.spec.get("tool", ""))
    if tool is not None and node.timeout and node.timeout > longest(tool):
        raise PlanError(
            f"node {node.id}: timeout is {node.timeout:g} s; tool {tool.name!r} is transactional and may take "
            f"{longest(tool):.2f} s at most (a third of LEASE_TTL)", "timeout_too_long", node.id,
        )  # fmt: skip


def _check_arguments(node: PlanNode, tools: dict[str, Tool]) -> None:
    """Arguments that are known already are validated now; the others when their data is there."""
    tool = tools.get(node.spec.get("tool", ""))
    if tool is None:
        return
    args = node.spec["each"] if node.kind == "map" else node.spec["args"]
    found = survey(list(args.values()))
    if node.kind == "map" or found.data or found.soft or found.watched:
        known = set(tool.schema.get("properties", {}))
        required = set(tool.schema.get("required", ()))
        open_ended = tool.schema.get("additionalProperties", False) is not False
        for name in sorted(set(args) - known) if not open_ended else ():
            raise PlanError(f"node {node.id}: tool {tool.name!r} has no argument {name!r}; it takes "
                            f"{', '.join(sorted(known)) or 'none'}", "bad_arguments", node.id)  # fmt: skip
        for name in sorted(required - set(args)):
            raise PlanError(
                f"node {node.id}: tool {tool.name!r} needs the argument {name!r}", "bad_arguments", node.id
            )
        return
    try:
        validate_args(tool, {name: _literal(expr) for name, expr in args.items()})
    except BadArguments as error:
        raise PlanError(f"node {node.id}: {error}", "bad_arguments", node.id) from error


def _literal(expr: Any) -> Any:
    if isinstance(expr, dict):
        if set(expr) == {"$lit"}:
            return expr["$lit"]
        return {key: _literal(value) for key, value in expr.items()}
    return [_literal(value) for value in expr] if isinstance(expr, list) else expr


def requirements(plan: Plan) -> dict[str, tuple[str, ...]]:
    """Which capabilities each step's tool asks of a worker; recorded with the plan, so that routing needs no code."""
    tools = all_tools()
    called = {node.spec["tool"] for node in plan.nodes.values() if "tool" in node.spec}
    elsewhere = called - {*tools}
    rows = (
        {row.name: row for row in Definition.objects.filter(kind="tool", name__in=elsewhere)}
        if elsewhere
        else {}
    )
    needs: dict[str, tuple[str, ...]] = {}
    for name, node in plan.nodes.items():
        tool = tools.get(node.spec.get("tool", ""))
        if tool is not None and tool.requires:
            needs[name] = tuple(tool.requires)
        elif tool is None and node.spec.get("tool") in rows:
            listed = tuple(json.loads(rows[node.spec["tool"]].requires))
            if listed:
                needs[name] = listed
    return needs
