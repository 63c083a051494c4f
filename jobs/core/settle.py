"""When a step may run, when it is skipped, and what follows when one settles (contract: Nodes)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from .agenda import item_settled, place, withdraw_items
from .changing import replace
from .evaluation import BadReference, Missing, evaluate
from .expr import survey
from .kinds import survey_node
from .plan import Plan, PlanNode
from .state import NEEDS_A_WORKER, PLAN_STEP, SETTLED, JobState, Node


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
    to the exact arguments that it releases (design: Humans); but never for what waits for itself.
    """
    inputs = {name: set(node.upstream) for name, node in plan.nodes.items()}
    outputs = {name: set(plan.dependents.get(name, ())) for name in plan.nodes}
    for name, node in plan.nodes.items():
        if node.kind != "approval":
            continue
        after = _descendants(outputs, name)
        for other in _other_inputs(plan, name) - after:
            inputs[name].add(other)
            outputs[other].add(name)
    order = {name: place for place, name in enumerate(plan.nodes)}
    dependents = {name: tuple(sorted(found, key=order.__getitem__)) for name, found in outputs.items()}
    return {name: frozenset(found) for name, found in inputs.items()}, dependents


def _other_inputs(plan: Plan, approval: str) -> set[str]:
    """What the steps directly after an approval wait for besides; of other approvals only their data."""
    found: set[str] = set()
    for name in plan.dependents.get(approval, ()):
        node = plan.nodes[name]
        data = node.needs | node.soft
        found |= {other for other in node.upstream if other in data or plan.nodes[other].kind != "approval"}
    return found


def _descendants(outputs: Mapping[str, set[str]], name: str) -> set[str]:
    found, stack = {name}, [name]
    while stack:
        new = outputs[stack.pop()] - found
        found |= new
        stack.extend(new)
    return found


def disposition(state: JobState, spec: PlanNode) -> Skip | Broken | None:
    """Whether a step whose inputs have all settled runs (None), is skipped, or cannot be judged."""
    blocked = _gate(state, spec) or _blocker(state, spec)
    if blocked is not None or spec.when is None:
        return blocked
    try:
        wanted = evaluate(spec.when, JobScope(state))
    except Missing as missing:
        return skipped_without(state, missing.node)
    except BadReference as error:
        return Broken(f"the condition of node {spec.id} cannot be computed: {error}")
    if not wanted:
        return Skip("when", spec.id, _cause_of_choice(state, spec))
    lacking = [name for name in _data_of(spec) if not state.nodes[name].has_result]
    return skipped_without(state, lacking[0]) if lacking else None


def skipped_without(state: JobState, name: str) -> Skip:
    """The skip of a step that cannot do without what the node `name` did not yield."""
    return Skip("upstream", name, _cause(state, name))


def _cause_of_choice(state: JobState, spec: PlanNode) -> str:
    """A condition that asks how an approval ended and says no after a rejection was decided by it."""
    asked = {name for name, _ in named_states(spec.when)}
    return "rejected" if any(state.nodes[name].status == "rejected" for name in asked) else ""


def _data_of(spec: PlanNode) -> list[str]:
    """The nodes whose data the step itself needs; its condition may name further ones."""
    return sorted(survey_node({"kind": spec.kind, **spec.spec, "when": None}).data)


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


def released_args(state: JobState, spec: PlanNode) -> dict[str, Any]:
    """The arguments of a step as an approver sees them; what hangs on the approval itself stays a reference."""
    shown: dict[str, Any] = {}
    args: Mapping[str, object] = spec.spec.get("args") or {}
    for name, expr in args.items():
        found = survey(expr)
        unsettled = [
            other
            for other in found.data | found.soft | found.watched
            if state.nodes[other].status not in SETTLED
        ]
        try:
            shown[name] = {"reference": expr} if unsettled else evaluate(expr, JobScope(state))
        except (Missing, BadReference):
            shown[name] = {"reference": expr}
    return shown


def differs_from(released: Mapping[str, Any], state: JobState, spec: PlanNode) -> list[str]:
    """The arguments of a step that are not what an approval showed; what was a reference then is free."""
    now, args = released_args(state, spec), spec.spec.get("args") or {}
    known = [name for name in now if released.get(name) != {"reference": args[name]}]
    return sorted(name for name in known if now[name] != released.get(name))


def ready_or_due(state: JobState, node: Node) -> JobState:
    """A step whose inputs have settled: ready for a worker, or due for `decide` to treat at once."""
    spec = state.spec(node)
    judged = not state.erased  # else what the condition asks for may be gone; the next events tell
    if judged and spec is not None and node.kind in NEEDS_A_WORKER and disposition(state, spec) is None:
        return place(state, replace(node, status="ready"))
    return state.but(due=(*state.due, node.id))


def settled(state: JobState, node: Node) -> JobState:
    """The state after a step reached its end: its dependants move up, a map counts its item."""
    state = place(state, node)
    if node.id == PLAN_STEP or node.kind == "compensation":
        return state
    if node.parent:
        return item_settled(state, node)
    state = state.but(remaining=state.remaining - 1)
    if node.kind == "map":
        state = withdraw_items(state, node)
    for name in state.dependents.get(node.id, ()):
        dependant = state.nodes[name]
        moved = replace(dependant, missing=dependant.missing - 1)
        state = place(state, moved)
        if moved.missing == 0 and moved.status == "waiting" and state.phase == "open":
            state = ready_or_due(state, moved)
    return state
