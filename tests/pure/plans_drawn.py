"""Plans for drawn histories: chains, diamonds, branches, maps, waits, approvals, children and workflows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from jobs.core.graph import TaskGraph
from jobs.core.names import PlanError
from jobs.core.plan import Plan
from jobs.core.refs import NodeRef

Pick = Callable[[Sequence[Any]], Any]
KINDS = (
    *("tool",) * 5, *("approval",) * 2, *("workflow",) * 3, *("map",) * 2,
    "llm", "agent", "wait", "receive", "sleep", "branch",
)  # fmt: skip
SIZES = (1, 2, 3, 4, 5)
TOOLS = ("read", "ask", "pay", "wire", "wire")  # what each does to the world: story.EFFECTS


def draw_plan(pick: Pick) -> dict[str, Any]:
    """The JSON of a valid plan of one to five drawn nodes."""
    graph = TaskGraph()
    made: list[NodeRef] = []
    for number in range(pick(SIZES)):
        made.append(_node(pick, graph, f"n{number}", made))
    if pick((0, 1)):
        graph.output(pick(made))
    try:
        return Plan.load(graph.to_json()).to_json()
    except PlanError:  # the branch and what it leads to wait for each other: drawn anew, without a branch
        return draw_plan(lambda options: "tool" if options is KINDS else pick(options))


def _node(pick: Pick, graph: TaskGraph, name: str, made: list[NodeRef]) -> NodeRef:
    kind = pick(KINDS)
    more: dict[str, Any] = {"on_error": pick(("fail", "fail", "skip", "continue"))}
    if made and pick((0, 1, 1)):
        more["after"] = [pick(made)]
    if made and pick((0, 0, 1)):
        more["when"] = _condition(pick, graph, pick(made))
    value = _value(pick, made)
    return MAKERS[kind](pick, graph, name, value, more)


def _condition(pick: Pick, graph: TaskGraph, node: NodeRef) -> Any:
    forms = [node.failed, ~node.failed, node.skipped, node["n"] > 3]
    if any(each["id"] == node.id and each["kind"] == "approval" for each in _nodes(graph)):
        forms += [node.rejected, node.approved, node.timed_out]
    return forms[pick(range(len(forms)))]


def _nodes(graph: TaskGraph) -> list[dict[str, Any]]:
    nodes: Any = graph.to_json()["nodes"]
    return list(nodes)


def _value(pick: Pick, made: list[NodeRef]) -> Any:
    if not made or pick((0, 1)):
        return 1
    node = pick(made)
    forms = (node, node["n"], node["n"].or_(0), node.or_(None))
    return forms[pick(range(len(forms)))]


def _tool(pick: Pick, graph: TaskGraph, name: str, value: Any, more: dict[str, Any]) -> NodeRef:
    return graph.tool(name, pick(TOOLS), x=value, **more)


def _llm(pick: Pick, graph: TaskGraph, name: str, value: Any, more: dict[str, Any]) -> NodeRef:
    return graph.llm(name, "scripted/a", [{"role": "user", "content": value}], **more)


def _workflow(pick: Pick, graph: TaskGraph, name: str, value: Any, more: dict[str, Any]) -> NodeRef:
    more["retry"] = {"max_attempts": pick((1, 2))}
    return graph.workflow(name, "triage", x=value, **more)


def _agent(pick: Pick, graph: TaskGraph, name: str, value: Any, more: dict[str, Any]) -> NodeRef:
    return graph.agent(name, "helper", {"x": value}, **more)


def _wait(pick: Pick, graph: TaskGraph, name: str, value: Any, more: dict[str, Any]) -> NodeRef:
    limits = {"deadline": pick((None, "30s")), "on_timeout": pick(("fail", "continue"))}
    return graph.wait(name, "go", **limits, **more)


def _receive(pick: Pick, graph: TaskGraph, name: str, value: Any, more: dict[str, Any]) -> NodeRef:
    return graph.receive(name, "in", deadline=pick((None, "30s")), on_timeout="continue", **more)


def _sleep(pick: Pick, graph: TaskGraph, name: str, value: Any, more: dict[str, Any]) -> NodeRef:
    return graph.sleep(name, pick(("0.5s", "1h")), **more)


def _approval(pick: Pick, graph: TaskGraph, name: str, value: Any, more: dict[str, Any]) -> NodeRef:
    late = pick(("reject", "approve", "escalate"))
    return graph.approval(
        name, "Sure?", {"x": value}, groups=["finance"], quorum=pick((1, 1, 2)), four_eyes=bool(pick((0, 1))),
        deadline=pick((None, "30s")), on_timeout=late, escalate_to=["heads"], **more,
    )  # fmt: skip


def _map(pick: Pick, graph: TaskGraph, name: str, value: Any, more: dict[str, Any]) -> NodeRef:
    over: Any = [[], [1, 2], [1, 2, 3], [value, 2]][pick(range(4))]
    over = value["list"] if isinstance(value, NodeRef) and pick((0, 1)) else over
    each = {"x": graph.item}
    limits = {"concurrency": pick((None, 1, 2)), "tolerate": pick((0, 0, 1))}
    return graph.map(name, pick(TOOLS), over=over, each=each, **limits, **more)


def _branch(pick: Pick, graph: TaskGraph, name: str, value: Any, more: dict[str, Any]) -> NodeRef:
    then, otherwise = graph.tool(f"{name}a", "pay"), graph.tool(f"{name}b", "read")
    cond = [True, False, value > 2 if isinstance(value, NodeRef) else True][pick(range(3))]
    return graph.branch(name, cond, then=[then], otherwise=[otherwise], **more)


MAKERS = {
    "tool": _tool, "llm": _llm, "workflow": _workflow, "agent": _agent, "wait": _wait, "receive": _receive,
    "sleep": _sleep, "approval": _approval, "map": _map, "branch": _branch,
}  # fmt: skip
