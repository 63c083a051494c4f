"""`decide(state, command, at) -> facts and the state after them`, or a refusal. Pure: no clock, no die, no row."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from . import claiming, confirming, erasing, forking, resolving, stepping, telling, voting, waiting
from . import commands as wishes
from .draft import Draft
from .errors import Illegal
from .flow import follow
from .ids import key_digest
from .moments import plus
from .state import GRACE as GRACE
from .state import PLAN_STEP, JobState, Node


def decide(state: JobState, command: wishes.Command, at: wishes.At) -> Draft:
    """What a command makes of a job.

    Args:
        state: the fold of the job's events.
        command: the wish.
        at: the moment it is judged at, and a die for jitter.

    Returns:
        The draft: `facts` to append (perhaps none) and the `state` they lead to.

    Raises:
        Refused: the wish is not granted; nothing changes.
    """
    draft = Draft(state, at)
    DECISIONS[type(command)](draft, command)
    if draft.facts:
        follow(draft)
    return draft


def _create(draft: Draft, wish: wishes.CreateJob) -> None:
    if draft.state.phase:
        raise Illegal(f"job {wish.job} exists already", code="job_exists")
    draft.state = draft.state.but(job=wish.job)
    more: dict[str, Any] = {"parent": dict(wish.parent)} if wish.parent else {}
    if wish.on_failure != "fail":
        more["on_failure"] = wish.on_failure
    if wish.instance:
        more["instance"] = dict(wish.instance)
    if wish.state is not None:
        more["state"] = dict(wish.state)
    draft.emit(
        "job_created", agent=wish.agent, version=wish.version, goal=wish.goal, actor=wish.actor.to_json(),
        origin=wish.origin or wish.job, tenant=wish.actor.tenant, tags=list(wish.tags), priority=wish.priority,
        request_key=key_digest(wish.key), **more,
    )  # fmt: skip
    if wish.instance and "turn" not in wish.instance:
        draft.emit("job_parked", PLAN_STEP, kind="agent", name=wish.instance["id"])


def _due(draft: Draft, wish: wishes.Due) -> None:
    """A step's time has come: fire its waits, and give up a call whose worker is silent past its deadline."""
    node = draft.state.nodes.get(wish.node)
    if node is None or node.id not in draft.state.agenda:
        return
    if draft.state.phase == "open":
        waiting.fire_due(draft, wish.node)
        _look_at_the_world(draft, draft.state.nodes[wish.node])
    node = draft.state.nodes[wish.node]
    overdue = [
        path
        for path in node.open
        if draft.state.calls[path].status == "open"
        and plus(draft.state.calls[path].info["deadline"], GRACE) <= draft.now
    ]
    if node.status == "running" and overdue:
        telling.lose(draft, wishes.LoseLease(wish.node, node.fence, "timeout", known_dead=False))


def _look_at_the_world(draft: Draft, node: Node) -> None:
    """The back-off of a step that waits for a word of the world has passed."""
    held = node.status == "parked" and node.hold is not None and node.hold[0] == "world"
    if held and node.wake_at is not None and node.wake_at <= draft.now:
        confirming.look_again(draft, node.id, timed_out=True)


def _cancel(draft: Draft, wish: wishes.Cancel) -> None:
    """Called off; what a job undoes already, or has been told not to undo, is not changed by a second word."""
    state = draft.state
    if state.phase in ("cancelling", "cancelled"):
        if wish.compensate in (None, state.compensates):
            return
        done = "undoes" if state.compensates else "does not undo"
        raise Illegal(f"job {state.job} is {state.phase} and {done} its effects: that is not changed any more",
                      code="cancelled_otherwise")  # fmt: skip
    draft.alive("cancel")
    if state.compensates and wish.compensate is False:
        raise Illegal(f"job {state.job} is failing and undoes its effects: that is not stopped half-way; "
                      "cancel it without saying whether to compensate", code="compensates_already")  # fmt: skip
    undo = (
        state.compensates or state.on_failure == "compensate" if wish.compensate is None else wish.compensate
    )
    draft.emit("job_cancelling", actor=wish.actor.to_json(), reason=wish.reason, compensate=undo)


def _pause(draft: Draft, wish: wishes.Pause) -> None:
    draft.open("pause")
    if not draft.state.paused:
        draft.emit("job_paused", actor=wish.actor.to_json(), reason=wish.reason)


def _resume(draft: Draft, wish: wishes.Resume) -> None:
    draft.alive("resume")
    if not draft.state.paused:
        raise Illegal(f"job {draft.state.job} is {draft.state.status}, not paused: there is nothing to resume",
                      code="not_paused")  # fmt: skip
    draft.emit("job_resumed", actor=wish.actor.to_json(), reason=wish.reason)


DECISIONS: dict[type, Callable[[Draft, Any], None]] = {
    wishes.CreateJob: _create,
    wishes.ForkJob: forking.fork,
    wishes.NoteFork: forking.note,
    wishes.StartNode: claiming.start,
    wishes.AdoptPlan: stepping.adopt,
    wishes.Call: claiming.call,
    wishes.FailCall: claiming.fail_call,
    wishes.Record: claiming.record,
    wishes.Tell: telling.tell,
    wishes.Recall: claiming.recall,
    wishes.AwaitEffect: claiming.await_effect,
    wishes.Answer: resolving.answer,
    wishes.LateOutcome: resolving.late,
    wishes.FinishNode: stepping.finish_step,
    wishes.FailNode: stepping.fail,
    wishes.RefuseNode: claiming.refuse,
    wishes.Release: stepping.release,
    wishes.LoseLease: telling.lose,
    wishes.Due: _due,
    wishes.Hold: waiting.hold,
    wishes.Unhold: waiting.unhold,
    wishes.TakeTurn: waiting.take_turn,
    wishes.SendSignal: waiting.signal,
    wishes.SendMessage: waiting.message,
    wishes.Vote: voting.vote,
    wishes.EndChild: waiting.end_child,
    wishes.Cancel: _cancel,
    wishes.Pause: _pause,
    wishes.Resume: _resume,
    wishes.Confirm: confirming.confirm,
    wishes.Accept: confirming.accept,
    wishes.EraseBodies: erasing.erase,
}
