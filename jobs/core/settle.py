"""When a step may run, when it is skipped, and what follows when one settles (contract: Nodes)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from .evaluation import BadReference, Missing, evaluate
from .plan import Plan, PlanNode
from .state import NEEDS_A_WORKER, ON_THE_AGENDA, PLAN_STEP, SETTLED, JobState, Node


@dataclass(frozen=True, slots=True)
class Skip:
    """The step will not run: by its own choice (`when`) or because of something before it (`upstream`)."""

    reason: str
    because: str = ""
    cause: str = ""


@dataclass(frozen=True, slots=True)
class Broken:
    """The step's own condition cannot be computed from the data."""

    message: str


class JobScope:
    """What references see: results, states and errors of settled steps, and the item of a map."""

    def __init__(self, state: JobState, item: object = None) -> None:
        self.job = state
        self.item = item

    def _node(self, name: str) -> Node:
        node = self.job.nodes.get(name)
        if node is None or node.status not in SETTLED:
            raise Missing(name)
        return node

    def result(self, node: str) -> Any:
        found = self._node(node)
        if not found.has_result:
            raise Missing(node)
        return found.result

    def state(self, node: str, name: str) -> bool:
        return name in states_of(self._node(node))

    def error(self, node: str) -> Any:
        return self._node(node).error


def states_of(node: Node) -> frozenset[str]:
    """The names under which a condition may ask for a step's end."""
    names = {node.status} & {"rejected", "failed", "skipped"}
    if node.approved:
        names.add("approved")
    if node.timed_out:
        names.add("timed_out")
    return frozenset(names)


def named_states(expr: Any) -> Iterator[tuple[str, str]]:
    """Every `(node, state)` that a condition names."""
    if isinstance(expr, Mapping):
        if set(expr) == {"$state"}:
            yield tuple(expr["$state"])
            return
        if set(expr) == {"$error"}:
            yield expr["$error"][0], "failed"
            return
        for value in expr.values():
            yield from named_states(value)
    elif isinstance(expr, list | tuple):
        for value in expr:
            yield from named_states(value)


def wiring(plan: Plan) -> tuple[dict[str, frozenset[str]], dict[str, tuple[str, ...]]]:
    """For each step which others must settle first, and the reverse.

    An approval also waits for the other inputs of the steps directly after it, because it is bound
    to the exact arguments that it releases (design: Humans).
    """
    inputs = {name: set(node.upstream) for name, node in plan.nodes.items()}
    for name, node in plan.nodes.items():
        if node.kind != "approval":
            continue
        after = _descendants(plan, name)
        for dependant in plan.dependents.get(name, ()):
            inputs[name] |= {other for other in plan.nodes[dependant].upstream if other not in after}
    dependents: dict[str, list[str]] = {name: [] for name in plan.nodes}
    for name in plan.nodes:
        for other in sorted(inputs[name]):
            dependents[other].append(name)
    return {k: frozenset(v) for k, v in inputs.items()}, {k: tuple(v) for k, v in dependents.items()}


def _descendants(plan: Plan, name: str) -> set[str]:
    found, stack = {name}, [name]
    while stack:
        for dependant in plan.dependents.get(stack.pop(), ()):
            if dependant not in found:
                found.add(dependant)
                stack.append(dependant)
    return found


def disposition(state: JobState, spec: PlanNode) -> Skip | Broken | None:
    """Whether a step whose inputs have all settled runs (None), is skipped, or cannot be judged."""
    blocked = _gate(state, spec) or _blocker(state, spec)
    if blocked is not None or spec.when is None:
        return blocked
    try:
        wanted = evaluate(spec.when, JobScope(state))
    except Missing as missing:
        return Skip("upstream", missing.node, _cause(state, missing.node))
    except BadReference as error:
        return Broken(f"the condition of node {spec.id} cannot be computed: {error}")
    return None if wanted else Skip("when", spec.id)


def _gate(state: JobState, spec: PlanNode) -> Skip | None:
    for branch, side in spec.gates:
        node = state.nodes[branch]
        if node.status != "done":
            return Skip("upstream", branch, _cause(state, branch))
        if node.result["taken"] != side:
            return Skip("when", branch)
    return None


def _blocker(state: JobState, spec: PlanNode) -> Skip | None:
    named = set(named_states(spec.when)) if spec.when is not None else set()
    for name in (*spec.after, *sorted(spec.needs)):
        node = state.nodes[name]
        if any((name, end) in named for end in states_of(node)):
            continue
        if not (node.met if name in spec.after else node.has_result):
            return Skip("upstream", name, _cause(state, name))
    return None


def _cause(state: JobState, name: str) -> str:
    node = state.nodes[name]
    return "rejected" if node.status == "rejected" else node.cause


def released_args(state: JobState, spec: PlanNode) -> Any:
    """The arguments of a step as an approver sees them; what hangs on the approval itself stays a reference."""
    shown: dict[str, Any] = {}
    for name, expr in (spec.spec.get("args") or {}).items():
        try:
            shown[name] = evaluate(expr, JobScope(state))
        except (Missing, BadReference):  # hangs on the approval itself: shown as it is written
            shown[name] = {"reference": expr}
    return shown


def place(state: JobState, node: Node) -> JobState:
    """The state with one step written, and the agenda kept."""
    agenda = state.agenda
    listed = node.status in ON_THE_AGENDA and (node.kind != "map")
    if listed != (node.id in agenda):
        agenda = agenda | {node.id} if listed else agenda - {node.id}
    due = state.due
    if due and node.id in due and node.status != "waiting":
        due = tuple(name for name in due if name != node.id)
    return state.but(nodes=state.nodes.set(node.id, node), agenda=agenda, due=due)


def ready_or_due(state: JobState, node: Node) -> JobState:
    """A step whose inputs have settled: ready for a worker, or due for `decide` to treat at once."""
    spec = state.spec(node)
    if spec is not None and node.kind in NEEDS_A_WORKER and disposition(state, spec) is None:
        return place(state, replace(node, status="ready"))
    return state.but(due=(*state.due, node.id))


def settled(state: JobState, node: Node) -> JobState:
    """The state after a step reached its end: its dependants move up, a map counts its item."""
    state = place(state, node)
    if node.id == PLAN_STEP:
        return state
    if node.parent:
        return _item_settled(state, node)
    state = state.but(remaining=state.remaining - 1)
    if node.kind == "map":
        state = _withdraw_items(state, node)
    for name in state.dependents.get(node.id, ()):
        dependant = state.nodes[name]
        moved = replace(dependant, missing=dependant.missing - 1)
        state = place(state, moved)
        if moved.missing == 0 and moved.status == "waiting" and state.phase == "open":
            state = ready_or_due(state, moved)
    return state


def opened_map(state: JobState, name: str, count: int) -> JobState:
    """A map with its items; the first ones (up to its concurrency) are ready."""
    node = replace(state.nodes[name], status="running", count=count)
    nodes = state.nodes.mutate()
    for index in range(count):
        item = f"{name}/{index}"
        nodes[item] = Node(id=item, kind="tool", parent=name, index=index)
    return _launch(place(state.but(nodes=nodes.finish()), node), node)


def _launch(state: JobState, node: Node) -> JobState:
    spec = state.spec(node)
    assert spec is not None
    limit = spec.spec["concurrency"] or node.count
    open_items = set()
    nodes = state.nodes.mutate()
    launched = node.launched
    while launched < node.count and launched - node.settled < limit and node.failed <= spec.spec["tolerate"]:
        item = f"{node.id}/{launched}"
        nodes[item] = replace(nodes[item], status="ready")
        open_items.add(item)
        launched += 1
    nodes[node.id] = replace(node, launched=launched)
    due = state.due
    if node.settled == node.count or node.failed > spec.spec["tolerate"]:
        due = due if node.id in due else (*due, node.id)
    return state.but(nodes=nodes.finish(), agenda=state.agenda | open_items, due=due)


def _item_settled(state: JobState, item: Node) -> JobState:
    parent = state.nodes[item.parent]
    if parent.status != "running":
        return state
    failed = parent.failed + int(item.status == "failed")
    return _launch(state, replace(parent, settled=parent.settled + 1, failed=failed))


def _withdraw_items(state: JobState, node: Node) -> JobState:
    """Items that have not begun when their map settles are off the agenda; running ones settle by themselves."""
    for index in range(node.launched):
        item = state.nodes[f"{node.id}/{index}"]
        if item.status in ("ready", "backoff") and not item.open:
            state = place(state, replace(item, status="skipped", reason="upstream"))
    return state
