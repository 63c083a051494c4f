"""What the events of confirmation mean: which landed effects stand, which are in doubt, which the world shows no more."""

from __future__ import annotations

from immutables import Map

from .changing import replace
from .events import Fact
from .state import Asked, JobState


def stands(state: JobState, asked: Asked) -> JobState:
    """The state after an effect has landed with a result: one that can be confirmed is kept in sight."""
    mode = asked.info.get("confirm")
    return state.but(standing=state.standing.set(asked.path, mode)) if mode else state


def stands_no_more(state: JobState, path: str) -> JobState:
    """The state in which nobody asks the world for an effect any more: it was undone, or its loss accepted."""
    if path not in state.standing:
        return state
    doubts = state.doubts.delete(path) if path in state.doubts else state.doubts
    return state.but(standing=state.standing.delete(path), doubts=doubts)


def doubted(before: JobState, after: JobState) -> JobState:
    """The state in which a job that has come to rest doubts what it did: the world may change while it waits.

    Waiting for the turn that a rate gives is no rest.
    """
    if not after.standing or not _rests(after) or _rests(before):
        return after
    return after.but(doubts=Map({path: after.doubts.get(path, 0) for path in after.standing}))


def _rests(state: JobState) -> bool:
    if state.phase != "open" or not state.agenda:
        return False
    nodes = (state.nodes[name] for name in state.agenda)
    return all(node.status == "parked" and (node.hold is None or node.hold[0] != "limit") for node in nodes)


def tried_in_vain(state: JobState, fact: Fact) -> JobState:
    """The state after a step was parked because nobody could tell whether an effect stands."""
    path = fact.body.get("call", "")
    if path not in state.doubts or "attempt" not in fact.body:
        return state
    return state.but(doubts=state.doubts.set(path, fact.body["attempt"]))


def confirmed(state: JobState, fact: Fact) -> JobState:
    """The effect stands: it is out of doubt for the step that asked, or for those that were held for its sake."""
    if state.ended:
        return state
    path = fact.node
    if path in state.doubts and ("step" in fact.body or held_by(state, fact.body["invocation"])):
        state = state.but(doubts=state.doubts.delete(path))
    return _noted(state, path, diverged=False) if state.calls[path].info.get("diverged") else state


def diverged(state: JobState, fact: Fact) -> JobState:
    """The world shows the effect no more: there is nothing to undo, and what the mode says follows."""
    if state.ended:
        return state
    path = fact.node
    state = _noted(state, path, diverged=True)
    if fact.body.get("accepted"):
        return stands_no_more(state, path)
    if fact.body["mode"] == "park":
        return state.but(doubts=state.doubts.set(path, state.doubts.get(path, 0)))
    return state.but(doubts=state.doubts.delete(path)) if path in state.doubts else state


def held_by(state: JobState, invocation: str) -> list[str]:
    """The steps that wait for a word on this effect."""
    return sorted(name for name in state.agenda if state.nodes[name].hold == ("world", invocation))


def _noted(state: JobState, path: str, *, diverged: bool) -> JobState:
    """An effect that is gone is off the pile of those to be undone; one that is back is on top of it."""
    asked = state.calls[path]
    state = state.but(calls=state.calls.set(path, replace(asked, info={**asked.info, "diverged": diverged})))
    pile = [state.landed[number] for number in range(len(state.landed)) if state.landed[number] != path]
    if not diverged and asked.info.get("compensation"):
        pile.append(path)
    return state.but(landed=Map(enumerate(pile)))
