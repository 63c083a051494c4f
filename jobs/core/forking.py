"""Retry and fork: a new job from the record of another one, and what stands against it (Laws L2, E9)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from .commands import ForkJob, NoteFork
from .copying import copy, with_goal
from .draft import Draft
from .errors import Illegal, Stale
from .ids import key_digest
from .mailbox import begun_with
from .past import Carried, Past, Sent, carried
from .state import JobState

UNKNOWN = "whether its effect happened is not known"


def fork(draft: Draft, wish: ForkJob) -> None:
    """A new job that begins with what had settled in another one."""
    if draft.state.phase:
        raise Illegal(f"job {wish.job} exists already", code="job_exists")
    past = wish.past
    new_goal = wish.goal is not None and wish.goal.value != past.then.goal
    kept = carried(past.then, new_goal=new_goal)
    _resolved(past)
    _begun(past)
    (_may_retry if wish.how == "retry" else _may_fork)(wish, kept)
    plan = _replanned(wish) if new_goal else None
    draft.state = draft.state.but(job=wish.job)
    draft.emit("job_created", **_created(wish))
    copy(draft, past, kept, plan=plan)


def _created(wish: ForkJob) -> dict[str, Any]:
    """The words of the old job's creation, where the new one has no others."""
    past, retry = wish.past, wish.how == "retry"
    then = past.then
    origin: dict[str, Any] = {
        "job": then.job, "seq": then.seq, "hash": past.hash, "how": wish.how, "asked_by": sorted(then.asked_by),
    }  # fmt: skip
    if retry and (heirs := children(then, carried(then))):
        origin["children"] = heirs
    body: dict[str, Any] = {
        **past.facts[0].body, "actor": wish.actor.to_json(), "origin": then.origin if retry else wish.job,
        "forked_from": origin, "generation": then.generation + 1 if retry else 1,
        "goal": wish.goal.value if wish.goal else then.goal, "request_key": key_digest(wish.key),
    }  # fmt: skip
    body.pop("parent", None)
    if body.pop("instance", None):  # it goes on beside the mailbox, and leaves nothing there
        body["state"] = dict(begun_with(past.facts))
    if wish.parent:
        body["parent"] = dict(wish.parent)
    if not retry:
        del body["generation"]
    return body


def children(then: JobState, kept: Carried) -> dict[str, str]:
    """The child jobs whose work a retry takes up again, by the path of the call that started them."""
    inherited = (then.forked or {}).get("children", {})
    found = {path: job for path, job in inherited.items() if path not in then.calls}
    for path, asked in then.calls.items():
        if asked.kind == "child" and path not in kept.calls and "job" in asked.info:
            found[str(path)] = asked.info["job"]
    return found


def note(draft: Draft, wish: NoteFork) -> None:
    """The old job's record says which jobs come from it."""
    if wish.fork not in draft.state.forks:
        draft.emit("job_forked", job=wish.fork, at=wish.at, how=wish.how, actor=wish.actor.to_json())


def _resolved(past: Past) -> None:
    unknown = sorted(path for path, asked in past.now.calls.items() if asked.status == "unknown")
    if unknown:
        raise Illegal(
            f"job {past.now.job}: nobody knows yet how {', '.join(unknown)} ended; resolve that first, then ask again",
            code="promise_unresolved",
            calls=[past.calls[path].to_json() for path in unknown],
        )


def _begun(past: Past) -> None:
    message = past.then.message
    if message is not None and message.turn is None:
        raise Illegal(
            f"job {past.now.job} had not had its turn at agent instance {message.instance}; "
            "send the message again",
            code="not_begun",
        )


def _may_retry(wish: ForkJob, kept: Carried) -> None:
    past = wish.past
    job = past.now.job
    if not past.now.ended:
        raise Illegal(
            f"job {job} is {past.now.status}: only a job that has failed or was cancelled is retried; "
            "fork it at an event, or cancel it first",
            code="job_not_ended",
        )
    if past.now.phase == "completed":
        raise Illegal(
            f"job {job} is completed: there is nothing to try again; fork it at an event to do part of it once more",
            code="job_completed",
        )
    if any(fact.type == "compensation_started" for fact in past.facts):
        raise Illegal(
            f"job {job} has compensated its effects: under the same keys the other side would not do them again; "
            "fork it at an event instead",
            code="effects_compensated",
        )
    barred = [sent for sent in _uncarried(past, kept) if sent.same_key_repeats]
    if barred:
        raise Illegal(
            f"job {job}: "
            + "; ".join(map(_why_not_again, barred))
            + "; such a call is never made again by a retry: "
            "fork the job at an event before it, under new keys",
            code="not_repeatable",
            calls=[sent.to_json() for sent in barred],
        )


def _why_not_again(sent: Sent) -> str:
    happened = (
        "has landed, though the job has no result of it"
        if sent.state == "landed"
        else f"was given up, and {UNKNOWN}"
    )
    return f"call {sent.path} of tool {sent.tool} {happened}"


def _uncarried(past: Past, kept: Carried) -> list[Sent]:
    return [sent for path, sent in sorted(past.calls.items()) if path not in kept.calls]


def _may_fork(wish: ForkJob, kept: Carried) -> None:
    past = wish.past
    _outside_promises(past)
    _nothing_undone(past, kept)
    listed = [*repeated(past, kept), *wish.landed_in_children]
    if {each["invocation"] for each in listed} == set(wish.confirm):
        return
    if not listed:
        raise Stale(
            f"job {past.now.job}: nothing landed after event {past.then.seq}, so there is nothing to confirm; "
            "leave `confirm` out",
            code="nothing_to_confirm",
        )
    raise Illegal(
        f"job {past.now.job}: {_listing(listed)} after event {past.then.seq} or may yet, and a fork from there may "
        "do the same again under new keys; confirm exactly these invocations, or cut later",
        code="landed_after_cut",
        calls=listed,
    )


def repeated(past: Past, kept: Carried) -> list[dict[str, Any]]:
    """What the world has seen of the old job, or may have, and may see once more of a fork."""
    calls = [sent.to_json() for sent in _uncarried(past, kept) if sent.may_repeat]
    return [*calls, *_letters(past, kept)]


def _letters(past: Past, kept: Carried) -> list[dict[str, Any]]:
    """Messages that the job sent to agent instances later on; each is named by the job that it became."""
    return [
        {"invocation": asked.value, "tool": "ctx.send", "node": path, "key": asked.value, "business_key": None,
         "state": "landed"}
        for path, asked in sorted(past.now.calls.items())
        if asked.kind == "send" and asked.value is not None and path not in kept.calls
    ]  # fmt: skip


def _listing(calls: Sequence[Mapping[str, Any]]) -> str:
    named = [f"{each['tool']} at {each['node']} ({each['invocation']})" for each in calls[:5]]
    more = f" and {len(calls) - 5} more" if len(calls) > 5 else ""
    return f"{', '.join(named)}{more} landed"


def _outside_promises(past: Past) -> None:
    then = past.then
    inside = sorted(path for path, asked in then.calls.items() if asked.blocks_the_end)
    if inside:
        begun = min(
            fact.seq for fact in past.facts if fact.type == "tool_invocation_started" and fact.node in inside
        )
        raise Illegal(
            f"job {then.job}: at event {then.seq} {', '.join(inside)} was promised and had not told its outcome; "
            f"cut before event {begun}, or after the outcome",
            code="inside_promise",
            calls=[past.calls[path].to_json() for path in inside],
        )


def _nothing_undone(past: Past, kept: Carried) -> None:
    undone = [sent for path, sent in sorted(past.calls.items()) if sent.undone and path in kept.calls]
    if undone:
        names = ", ".join(f"{sent.tool} at {sent.path}" for sent in undone)
        raise Illegal(
            f"job {past.now.job}: {names} landed before event {past.then.seq} and was compensated since, so its result "
            "cannot be taken over; cut before it was promised",
            code="effects_compensated",
            calls=[sent.to_json() for sent in undone],
        )


def _replanned(wish: ForkJob) -> dict[str, Any] | None:
    """The plan for another goal: none before there is one; the same step where the agent is a workflow."""
    then = wish.past.then
    if then.plan is None:
        return None
    nodes = list(then.plan.nodes)
    if wish.workflow and then.nodes[nodes[0]].status not in ("done", "failed", "skipped"):
        return with_goal(wish.past, wish.goal.value if wish.goal else None)
    last = "node_finished" if wish.workflow else "plan_generated"
    step = nodes[0] if wish.workflow else ""
    seq = next((fact.seq for fact in wish.past.facts if (fact.type, fact.node) == (last, step)), then.seq)
    raise Illegal(
        f"job {then.job}: at event {then.seq} another goal would change nothing any more; cut before event {seq}",
        code="goal_without_effect",
        before=seq,
    )
