"""`evolve(state, fact) -> state`: what each event means. Nothing here refuses; nothing here decides."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from immutables import Map

from .agenda import place, prune
from .arrows import BrokenHistory, arrow, owner, phase_after, with_call
from .chain import digest_of
from .events import AFTERWORDS, KINDS, Fact
from .evolve_calls import (
    command_committed,
    command_emitted,
    effect_recorded,
    outcome_resolved,
    outcome_unknown,
    promised,
    told,
)
from .evolve_compensation import failed_to_undo, undoing, undone
from .evolve_steps import (
    job_parked,
    lease_lost,
    node_failed,
    node_finished,
    node_skipped,
    node_started,
    retry,
    snapshot,
)
from .evolve_waits import (
    approval_decided,
    approval_requested,
    child_finished,
    child_started,
    received,
    timer_fired,
    wait_completed,
)
from .evolve_world import confirmed, diverged, doubted
from .mailbox import Message
from .plan import Plan
from .settle import ready_or_due, wiring
from .state import PLAN_STEP, JobState, Node

__all__ = ["HANDLERS", "BrokenHistory", "arrow", "evolve", "fold", "owner", "with_call"]

Handler = Callable[[JobState, Fact], JobState]


def evolve(state: JobState, fact: Fact) -> JobState:
    """The state after one more event.

    Raises:
        BrokenHistory: the event's number or its kind does not fit the state.
    """
    if fact.type not in KINDS:
        raise BrokenHistory(f"job {state.job}: event {fact.seq} is of an unknown kind, {fact.type}")
    if state.ended and fact.type not in AFTERWORDS:
        raise BrokenHistory(f"job {state.job} is {state.phase}; {fact.type} cannot follow")
    if fact.seq != state.seq + 1:
        raise BrokenHistory(f"job {state.job}: event {fact.seq} ({fact.type}) follows event {state.seq}")
    if fact.body.get("erased"):  # only what stays legible of it; from here on data may be missing
        state = state.but(erased=state.erased | {fact.seq})
    state = state.but(seq=fact.seq, at=fact.at)
    handler = HANDLERS.get(fact.type)
    return doubted(state, handler(state, fact)) if handler else state


def fold(facts: Iterable[Fact], state: JobState | None = None) -> JobState:
    """The state that a history leads to."""
    current = state or JobState()
    for fact in facts:
        current = evolve(current, fact)
    return current


def _job_created(state: JobState, fact: Fact) -> JobState:
    body = fact.body
    first = Node(id=PLAN_STEP, kind="plan", status="ready")
    created = JobState(
        job=state.job, seq=state.seq, at=state.at, tenant=body["tenant"], agent=body["agent"], version=body["version"],
        goal=body["goal"], goal_digest=digest_of(body["goal"]), requester=body["actor"], origin=body["origin"], tags=tuple(body["tags"]),
        priority=body["priority"], parent=body.get("parent"), on_failure=body.get("on_failure", "fail"),
        request_key=body.get("request_key"),
        created_at=fact.at, phase=phase_after(state, fact),
        generation=body.get("generation", 1), forked=body.get("forked_from"),
        message=Message.of(body.get("instance")), data=Map(body.get("state") or {}), erased=state.erased,
    )  # fmt: skip
    return place(created, first)


def _plan_generated(state: JobState, fact: Fact) -> JobState:
    plan = Plan.read(fact.body["plan"])
    inputs, dependents = wiring(plan)
    nodes = state.nodes.mutate()
    for name, spec in plan.nodes.items():
        nodes[name] = Node(id=name, kind=spec.kind, missing=len(inputs[name]))
    state = state.but(
        plan=plan, plan_hash=fact.body["plan_hash"], requires=fact.body["requires"], dependents=dependents, nodes=nodes.finish(),
        remaining=len(plan.nodes),
    )  # fmt: skip
    for name in plan.nodes:
        if not inputs[name]:
            state = ready_or_due(state, state.nodes[name])
    return state


def _turned(state: JobState, fact: Fact) -> JobState:
    phase = phase_after(state, fact)
    undo = bool(fact.body.get("compensate", state.compensates or state.on_failure == "compensate"))
    state = state.but(phase=phase, due=(), paused=False, compensates=undo)
    if phase == "failing":
        return prune(state.but(failure=dict(fact.body)))
    return prune(state.but(caller=dict(fact.body)))


def _ended(state: JobState, fact: Fact) -> JobState:
    return state.but(
        phase=phase_after(state, fact), finished_at=fact.at, agenda=frozenset(), due=(), paused=False,
        output=fact.body.get("output"), outcome=fact.body.get("outcome", ""),
        compensation=fact.body.get("compensation"),
    )  # fmt: skip


HANDLERS: dict[str, Handler] = {
    "job_created": _job_created,
    "plan_generated": _plan_generated,
    "node_started": node_started,
    "command_emitted": command_emitted,
    "tool_invocation_started": promised,
    "tool_invocation_finished": told,
    "command_committed": command_committed,
    "reasoning_snapshot": snapshot,
    "effect_recorded": effect_recorded,
    "node_finished": node_finished,
    "node_failed": node_failed,
    "node_retry_scheduled": retry,
    "node_skipped": node_skipped,
    "lease_lost": lease_lost,
    "outcome_unknown": outcome_unknown,
    "outcome_resolved": outcome_resolved,
    "job_parked": job_parked,
    "signal_received": received,
    "message_received": received,
    "wait_completed": wait_completed,
    "approval_requested": approval_requested,
    "approval_decided": approval_decided,
    "timer_fired": timer_fired,
    "child_started": child_started,
    "child_finished": child_finished,
    "compensation_started": undoing,
    "compensation_finished": undone,
    "compensation_failed": failed_to_undo,
    "job_paused": lambda state, fact: state.but(paused=True),
    "job_resumed": lambda state, fact: state.but(paused=False),
    "job_forked": lambda state, fact: state.but(forks=(*state.forks, fact.body["job"])),
    "world_confirmed": confirmed,
    "world_diverged": diverged,
    "job_failing": _turned,
    "job_cancelling": _turned,
    "job_completed": _ended,
    "job_failed": _ended,
    "job_cancelled": _ended,
}
