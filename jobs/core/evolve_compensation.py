"""What the events of a compensation mean: an effect to be undone, undone, or not (design: E8)."""

from __future__ import annotations

from typing import Any

from .agenda import place
from .arrows import BrokenHistory, arrow, with_call
from .changing import replace
from .events import Fact
from .evolve_world import stands_no_more
from .state import Asked, JobState, Node


def piled_up(state: JobState, asked: Asked) -> JobState:
    """The state after an effect has landed: one that can be undone goes on the pile."""
    if not asked.info.get("compensation") or asked.info["effect"] == "pure":
        return state
    return state.but(landed=state.landed.set(len(state.landed), asked.path))


def to_be_undone(state: JobState) -> str | None:
    """The call whose effect landed last of those that can be undone."""
    path: str | None = state.landed.get(len(state.landed) - 1)
    return path


def opened_compensation(state: JobState, fact: Fact) -> JobState:
    """The step that undoes the last landed effect is ready; the effect is off the pile."""
    path = fact.body["call"]
    if to_be_undone(state) != path:
        raise BrokenHistory(
            f"job {state.job}: {path} is not the effect that landed last; it is not undone next"
        )
    node = Node(id=fact.node, kind="compensation", undoes=path)
    ready = replace(node, status=arrow(state, node, "command_emitted (compensation)"))
    return place(state.but(landed=state.landed.delete(len(state.landed) - 1)), ready)


def undoing(state: JobState, fact: Fact) -> JobState:
    return _noted(state, fact, compensated_by=fact.node)


def undone(state: JobState, fact: Fact) -> JobState:
    return stands_no_more(_noted(state, fact, settled_as="compensated"), fact.body["call"])


def failed_to_undo(state: JobState, fact: Fact) -> JobState:
    return _noted(state, fact, not_compensated=dict(fact.body["error"]))


def _noted(state: JobState, fact: Fact, **more: Any) -> JobState:
    asked = state.calls[fact.body["call"]]
    return with_call(state, replace(asked, info={**asked.info, **more}))
