"""Arrows: the only way a step or a job changes its status, and how a call moves its step."""

from __future__ import annotations

from collections.abc import Iterable

from .agenda import place, rest
from .changing import replace
from .events import Fact
from .moments import plus
from .state import GRACE, PHASE_ARROWS, STEP_ARROWS, Asked, JobState, Node


class BrokenHistory(Exception):
    """An event that cannot follow what went before: the stream is not one this program wrote."""


def arrow(state: JobState, node: Node, label: str) -> str:
    """The status that the table gives to a step after an event.

    Raises:
        BrokenHistory: the table has no such arrow.
    """
    target = STEP_ARROWS.get((node.status, label))
    if target is None and state.erased:
        target = _unjudged(node, label)
    if target is None:
        raise BrokenHistory(f"job {state.job}: step {node.id} is {node.status}; {label} cannot follow")
    return target


def _unjudged(node: Node, label: str) -> str | None:
    """The arrow of a step whose condition cannot be judged any more: what followed tells whether it was ready."""
    other = {"waiting": "ready", "ready": "waiting"}.get(node.status, "")
    return STEP_ARROWS.get((other, label))


def phase_after(state: JobState, fact: Fact) -> str:
    """The phase that the table gives to the job after an event.

    Raises:
        BrokenHistory: the table has no such arrow.
    """
    phase = PHASE_ARROWS.get((state.phase, fact.type))
    if phase is None:
        raise BrokenHistory(f"job {state.job} is {state.phase or 'not created'}; {fact.type} cannot follow")
    return phase


def owner(state: JobState, path: str) -> Node:
    """The step that a call path belongs to (itself, if it is a step).

    Raises:
        BrokenHistory: no step has or owns the path.
    """
    node = state.nodes.get(path) or state.nodes.get(path.partition("/")[0])
    if node is None:
        raise BrokenHistory(f"job {state.job}: no step owns {path}")
    return node


def with_call(state: JobState, asked: Asked) -> JobState:
    """The state with one call written, its step's open paths and the count of open promises kept."""
    before = state.calls.get(asked.path)
    busy = state.busy + int(asked.blocks_the_end) - int(before is not None and before.blocks_the_end)
    state = state.but(calls=state.calls.set(asked.path, asked), busy=busy)
    node = owner(state, asked.path)
    paths = node.open - {asked.path} if asked.settled else node.open | {asked.path}
    return place(state, replace(node, open=paths, wake_at=next_look(state, node, paths)))


def next_look(state: JobState, node: Node, paths: frozenset[str]) -> str | None:
    """When somebody has to look at a step with these unsettled calls again, whatever its worker does meanwhile."""
    if node.status == "parked":
        again = node.wake_at if node.hold is not None and node.hold[0] == "world" else None
        return min((time for time in (earliest(state, paths), again) if time), default=None)
    if node.status != "running":
        return node.wake_at
    times = [_while_running(state.calls[path]) for path in paths]
    return min((time for time in times if time), default=None)


def earliest(state: JobState, paths: Iterable[str]) -> str | None:
    """The first moment that one of these unsettled calls names."""
    times = [state.calls[path].wake_at for path in paths]
    return min((time for time in times if time), default=None)


def _while_running(asked: Asked) -> str | None:
    """A wait fires beside the running step; an open call is given up when its worker says nothing of its end."""
    if asked.status == "open":
        return plus(asked.info["deadline"], GRACE)
    return asked.wake_at if asked.status == "waiting" else None


def wake(state: JobState, fact: Fact) -> JobState:
    """The state after something came that a step waited for."""
    node = owner(state, fact.node)
    target = STEP_ARROWS.get((node.status, fact.type))
    if target is None:  # the step runs already, or has settled
        return state
    return rest(state, replace(node, status=target, wake_at=None, hold=None))
