"""What a worker could begin: the claim of a ready step, with the promise of its call."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any
from zlib import crc32

from ledger import UnknownTool

from . import store
from .agents import UnknownAgent, UnknownWorkflow, get_agent, get_workflow
from .core.commands import Command, Promise, RefuseNode, StartNode, Tell
from .core.errors import Refused
from .core.state import NEEDS_A_WORKER, ONE_CALL, JobState, Node
from .incarnation import Incarnation
from .plans import code_of
from .promises import CannotStart, arguments, promise_again, promise_for, seconds_for, tool_of
from .secrecy import forbidden

SPARE = 3  # ready steps that are looked at before a thread lets it be
Follow = Callable[[Incarnation, str, Tell], "Ready | None"]


@dataclass(frozen=True)
class Ready:
    """A step that this worker can begin: the command, and for a call the tool."""

    node: str
    wish: Command
    promise: Promise | None = None
    looped: bool = False  # of a successor: it waits on the event loop


def can_run(me: Incarnation, state: JobState, node: Node) -> bool:
    """Whether this worker has what the step needs: the exact agent version or the tool, and the capabilities."""
    if node.kind in ("plan", "workflow"):
        return state.needs(node) in me.offers
    try:
        tool_of(state, node)
    except UnknownTool:
        return False
    return set(state.requirements(node)) <= me.capabilities


def startable(state: JobState, name: str) -> Node | None:
    """The step, if it is one that a worker might claim: a wait has none."""
    node = state.nodes.get(name)
    if node is None or name not in state.agenda or node.status == "running":
        return None
    return node if node.kind in NEEDS_A_WORKER | ONE_CALL else None


def prepare(me: Incarnation, state: JobState, name: str) -> Ready | None:
    """The command that claims a step, with the promise of its call; None where this worker has nothing to do."""
    node = startable(state, name)
    if node is None or not can_run(me, state, node):
        return None
    code = "" if node.kind in ONE_CALL else code_of(state, node)
    bare = Ready(name, StartNode(node=name, worker=me.id, alone=node.suspect, code=code))
    if node.kind not in ONE_CALL:
        return bare
    asked = state.calls.get(name)
    if asked is not None and asked.status == "unknown":
        return bare
    tool = tool_of(state, node)
    limit = seconds_for(state, node, tool)
    try:
        if asked is None:
            spec = state.spec(node)
            promise = promise_for(state, name, tool, _without_secrets(state, node), timeout=limit,
                                  retry=spec.retry if spec else None)  # fmt: skip
        else:
            promise = promise_again(state, asked, tool, limit)
    except CannotStart as cannot:
        return Ready(name, RefuseNode(node=name, worker=me.id, error=cannot.error))
    wish = StartNode(node=name, worker=me.id, promise=promise, alone=node.suspect)
    return Ready(name, wish, promise)


def _without_secrets(state: JobState, node: Node) -> dict[str, Any]:
    args = arguments(state, node)
    if (why := forbidden(args, f"the arguments of node {node.id}")) is not None:
        raise CannotStart("secret_in_arguments", why)
    return args


def is_async(state: JobState, node: Node) -> bool:
    """Whether the step waits on the event loop; what is not registered here does not."""
    try:
        if node.kind in ("tool", "llm"):
            return tool_of(state, node).is_async
        if node.kind == "workflow":
            spec = state.spec(node)
            return spec is not None and get_workflow(spec.spec["fn"]).is_async
        agent = get_agent(state.agent, state.version)
    except (UnknownTool, UnknownAgent, UnknownWorkflow):
        return False
    return agent.workflow is None and agent.is_async


def async_successor(me: Incarnation, job: str, telling: Tell) -> Ready | None:
    """What the outcome makes ready, if that is an async call: the event loop goes on with nothing else."""
    return successor(me, job, telling, only_async=True)


def successor(me: Incarnation, job: str, telling: Tell, *, only_async: bool = False) -> Ready | None:
    """What comes after the outcome, seen on the state that it would lead to: a step that it makes ready, else another one.

    So a thread that has ended one of many branches goes on with the next in the same commit, and needs no knock for it.
    """
    try:
        state, after = store.look(job, telling)
    except Refused:
        return None
    for name in _newly_ready(state, after) or spare(after, telling.node):
        ready = prepare(me, after, name)
        if ready is not None and isinstance(ready.wish, StartNode) and _may_follow(after, ready, only_async):
            return Ready(name, ready.wish, ready.promise, is_async(after, after.nodes[name]))
    return None


def first_of_plan(me: Incarnation, job: str, ending: Sequence[Command]) -> Ready | None:
    """Of the steps that a new plan makes ready the first that a thread of this worker can go on with."""
    try:
        _, after = store.look(job, *ending)
    except Refused:
        return None
    if after.plan is None or after.doubts or after.paused:
        return None
    nodes = (after.nodes[name] for name in sorted(after.agenda))
    able = (node.id for node in nodes if node.status == "ready" and _goes_on(me, after, node))
    for name in islice(able, SPARE):
        ready = prepare(me, after, name)
        if ready is not None and isinstance(ready.wish, StartNode):
            return ready
    return None


def _goes_on(me: Incarnation, state: JobState, node: Node) -> bool:
    if node.suspect or not can_run(me, state, node) or is_async(state, node):
        return False
    return node.kind == "workflow" or (node.kind in ONE_CALL and tool_of(state, node).rate is None)


def _may_follow(state: JobState, ready: Ready, only_async: bool) -> bool:
    """Not where a slot has to be reserved first: that is done when the step is knocked for, not on a guess."""
    if state.nodes[ready.node].suspect:
        return False
    if ready.promise is None:
        return not only_async
    tool = tool_of(state, state.nodes[ready.node])
    return tool.rate is None and (tool.is_async or not only_async)


def _newly_ready(before: JobState, after: JobState) -> list[str]:
    """Steps that became ready, in the order of the plan; items of maps after them."""
    names = [
        name for name in after.agenda if after.nodes[name].status == "ready" and not _was_ready(before, name)
    ]
    if len(names) < 2:
        return names
    order = list(after.plan.nodes) if after.plan is not None else []
    place = {name: index for index, name in enumerate(order)}
    return sorted(names, key=lambda name: (place.get(name, len(order)), after.nodes[name].index))


def spare(state: JobState, of: str) -> list[str]:
    """A few ready steps that a thread might take instead of `of`; another thread is told others, as far as there are any."""
    if state.paused or state.phase != "open":
        return []
    names = [name for name in state.agenda if state.nodes[name].status == "ready" and name != of]
    if len(names) <= SPARE:
        return sorted(names)
    first = crc32(of.encode()) % len(names)
    return [names[(first + place) % len(names)] for place in range(SPARE)]


def _was_ready(state: JobState, name: str) -> bool:
    node = state.nodes.get(name)
    return node is not None and node.status == "ready"
