"""`evolve(state, fact) -> state`: what each event means. Nothing here refuses; nothing here decides."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace

from .events import Fact
from .plan import Plan
from .settle import opened_map, place, ready_or_due, settled, wiring
from .state import PHASE_ARROWS, PLAN_STEP, STEP_ARROWS, Asked, JobState, Mail, Node

Handler = Callable[[JobState, Fact], JobState]


class BrokenHistory(Exception):
    """An event that cannot follow what went before: the stream is not one this program wrote."""


def evolve(state: JobState, fact: Fact) -> JobState:
    """The state after one more event.

    Raises:
        BrokenHistory: the event's number or its kind does not fit the state.
    """
    if fact.seq != state.seq + 1:
        raise BrokenHistory(f"job {state.job}: event {fact.seq} ({fact.type}) follows event {state.seq}")
    handler = HANDLERS.get(fact.type)
    after = handler(state, fact) if handler else state
    return after.but(seq=fact.seq, at=fact.at)


def fold(facts: Iterable[Fact], state: JobState | None = None) -> JobState:
    """The state that a history leads to."""
    current = state or JobState()
    for fact in facts:
        current = evolve(current, fact)
    return current


def arrow(state: JobState, node: Node, label: str) -> str:
    """The status that the table gives to a step after an event."""
    target = STEP_ARROWS.get((node.status, label))
    if target is None:
        raise BrokenHistory(f"job {state.job}: step {node.id} is {node.status}; {label} cannot follow")
    return target


def _phase(state: JobState, fact: Fact) -> str:
    phase = PHASE_ARROWS.get((state.phase, fact.type))
    if phase is None:
        raise BrokenHistory(f"job {state.job} is {state.phase or 'not created'}; {fact.type} cannot follow")
    return phase


def owner(state: JobState, path: str) -> Node:
    """The step that a call path belongs to (itself, if it is a step)."""
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
    return state if paths == node.open else place(state, replace(node, open=paths))


def _next_look(state: JobState, node: Node) -> str | None:
    """When somebody has to look at a step that holds no worker."""
    times = [state.calls[path].wake_at for path in node.open]
    return min((t for t in times if t), default=None)


def _job_created(state: JobState, fact: Fact) -> JobState:
    body = fact.body
    first = Node(id=PLAN_STEP, kind="plan", status="ready")
    created = JobState(
        job=state.job, seq=state.seq, tenant=body["tenant"], agent=body["agent"], version=body["version"],
        goal=body["goal"], requester=body["actor"], origin=body["origin"], tags=tuple(body["tags"]),
        priority=body["priority"], parent=body.get("parent"), created_at=fact.at, phase=_phase(state, fact),
    )  # fmt: skip
    return place(created, first)


def _plan_generated(state: JobState, fact: Fact) -> JobState:
    plan = Plan.load(fact.body["plan"])
    inputs, dependents = wiring(plan)
    nodes = state.nodes.mutate()
    for name, spec in plan.nodes.items():
        nodes[name] = Node(id=name, kind=spec.kind, missing=len(inputs[name]))
    state = state.but(
        plan=plan, plan_hash=fact.body["plan_hash"], dependents=dependents, nodes=nodes.finish(),
        remaining=len(plan.nodes),
    )  # fmt: skip
    for name in plan.nodes:
        if not inputs[name]:
            state = ready_or_due(state, state.nodes[name])
    return state


def _node_started(state: JobState, fact: Fact) -> JobState:
    node = state.nodes[fact.node]
    started = replace(
        node, status=arrow(state, node, fact.type), fence=fact.seq, worker=fact.body["worker"],
        attempt=fact.body["attempt"], wake_at=None, hold=None, lost=False,
        seen=state.data if node.seen is None else node.seen,
    )  # fmt: skip
    return place(state.but(started=True), started)


def _command_emitted(state: JobState, fact: Fact) -> JobState:
    body, path = fact.body, fact.node
    if body["command"] == "map":
        return opened_map(state, path, body["count"])
    waits = body["command"] in ("signal", "message", "timer", "child", "approval")
    asked = Asked(
        path=path, node=owner(state, path).id, kind=body["command"], name=body["name"], digest=body["digest"],
        status="waiting" if waits else "again", args=body["args"], fence=body.get("fence", 0), seq=fact.seq,
        info=dict(body["args"]) if waits else {}, wake_at=body["args"].get("due") if waits else None,
    )  # fmt: skip
    return with_call(state, asked)


def _promised(state: JobState, fact: Fact) -> JobState:
    body = dict(fact.body)
    asked = state.calls[fact.node]
    again = replace(
        asked, status="open", attempt=body["attempt"], fence=body["fence"], wake_at=body["deadline"],
        info={**body, "probes": 0}, error=None,
    )  # fmt: skip
    return with_call(state, again)


def _told(state: JobState, fact: Fact) -> JobState:
    body, asked = fact.body, state.calls[fact.node]
    if body["status"] in ("landed", "recalled") and "unstorable" not in body:
        return with_call(state, replace(asked, status="done", value=body["result"], wake_at=None))
    return with_call(state, replace(asked, status="again", error=body.get("error"), wake_at=None))


def _command_committed(state: JobState, fact: Fact) -> JobState:
    asked = state.calls.get(fact.node)
    if asked is None or asked.settled or fact.body["outcome"] != "failed":
        return state
    return with_call(state, replace(asked, status="failed"))


def _outcome_unknown(state: JobState, fact: Fact) -> JobState:
    asked = state.calls[fact.node]
    evidence = fact.body.get("evidence", {})
    info = {**asked.info, "probes": fact.body.get("probes", 0), "reason": fact.body["reason"],
            "known_dead": evidence.get("known_dead", False)}  # fmt: skip
    return with_call(state, replace(asked, status="unknown", wake_at=fact.body.get("wake_at"), info=info))


def _outcome_resolved(state: JobState, fact: Fact) -> JobState:
    asked, verdict = state.calls[fact.node], fact.body["verdict"]
    if verdict == "landed":
        state = with_call(state, replace(asked, status="done", value=fact.body["result"], wake_at=None))
    else:
        state = with_call(state, replace(asked, status="again", wake_at=None))
    return _wake(state, fact)


def _wake(state: JobState, fact: Fact) -> JobState:
    node = owner(state, fact.node)
    target = STEP_ARROWS.get((node.status, fact.type))
    if target is None:  # the step runs already, or is about to be settled
        return state
    return place(state, replace(node, status=target, wake_at=None, hold=None))


def _wait_completed(state: JobState, fact: Fact) -> JobState:
    body, asked = fact.body, state.calls.get(fact.node)
    if asked is not None and asked.status == "waiting":
        box = f"{body['kind']}/{body['name']}"
        if body["kind"] in ("signal", "message") and not body["timed_out"]:
            state = state.but(mail=state.mail.set(box, state.mail[box][1:]))
        failed = body["timed_out"] and asked.info.get("on_timeout") == "fail"
        error = {"code": "timed_out", "message": f"nothing came for {fact.node} before its deadline"}
        state = with_call(
            state,
            replace(asked, status="failed" if failed else "done", value=body["value"],
                    error=error if failed else None, wake_at=None,
                    info={**asked.info, "timed_out": body["timed_out"]}),
        )  # fmt: skip
    return _wake(state, fact)


def _timer_fired(state: JobState, fact: Fact) -> JobState:
    state = with_call(state, replace(state.calls[fact.node], status="done", wake_at=None))
    return _wake(state, fact)


def _child_started(state: JobState, fact: Fact) -> JobState:
    asked = state.calls[fact.node]
    return with_call(state, replace(asked, info={**asked.info, "job": fact.body["job"]}))


def _child_finished(state: JobState, fact: Fact) -> JobState:
    body, asked = fact.body, state.calls[fact.node]
    status = "done" if body["status"] == "completed" else "failed"
    state = with_call(state, replace(asked, status=status, value=body["output"], error=body["error"]))
    return _wake(state, fact)


def _approval_requested(state: JobState, fact: Fact) -> JobState:
    asked = state.calls[fact.node]
    info = {**asked.info, **fact.body}
    return with_call(state, replace(asked, info=info, wake_at=fact.body["deadline"]))


def _approval_decided(state: JobState, fact: Fact) -> JobState:
    asked, body = state.calls[fact.node], fact.body
    state = state.but(votes=state.votes.set(fact.node, (*state.votes.get(fact.node, ()), dict(body))))
    if body["effect"] == "escalated":
        info = {**asked.info, "groups": list(asked.info["escalate_to"]), "users": [], "escalated": True}
        return with_call(state, replace(asked, info=info, wake_at=None))
    if body["effect"] == "withdrawn":
        return with_call(state, replace(asked, status="failed", wake_at=None))
    return state


def _job_parked(state: JobState, fact: Fact) -> JobState:
    body, node = fact.body, owner(state, fact.node)
    hold = (body["kind"], body["name"]) if body["kind"] in ("version", "capability", "effect") else node.hold
    return place(
        state,
        replace(node, status=arrow(state, node, fact.type), worker="", hold=hold, wake_at=_next_look(state, node)),
    )


def _received(state: JobState, fact: Fact) -> JobState:
    kind = "signal" if fact.type == "signal_received" else "message"
    body = fact.body
    box = f"{kind}/{body['name' if kind == 'signal' else 'channel']}"
    letters = (*state.mail.get(box, ()), Mail(id=body["id"], payload=body["payload"], seq=fact.seq))
    return state.but(mail=state.mail.set(box, letters), seen=state.seen.set(f"{kind}/{body['id']}", box))


def _effect_recorded(state: JobState, fact: Fact) -> JobState:
    node, kind = owner(state, fact.node), fact.body["kind"]
    asked = Asked(path=fact.node, node=node.id, kind=kind, name="", digest="", status="done",
                  value=fact.body["value"], fence=fact.body["fence"])  # fmt: skip
    return with_call(state, asked)


def _snapshot(state: JobState, fact: Fact) -> JobState:
    delta = fact.body["delta"]
    if not delta:
        return state
    data = state.data.mutate()
    for key in delta.get("drop", ()):
        data.pop(key, None)
    data.update(delta.get("set", {}))
    return state.but(data=data.finish())


def _node_finished(state: JobState, fact: Fact) -> JobState:
    body, node = fact.body, state.nodes[fact.node]
    rejected = body["outcome"] == "rejected"
    label = "node_finished (rejected)" if rejected else fact.type
    done = replace(
        node, status=arrow(state, node, label), result=body["result"], worker="", wake_at=None,
        timed_out=bool(body.get("timed_out")), approved=body.get("decision") == "approved",
        cause="rejected" if rejected else "", error={"errors": body["errors"]} if body.get("errors") else None,
    )  # fmt: skip
    return settled(state, done)


def _node_failed(state: JobState, fact: Fact) -> JobState:
    body, node = fact.body, state.nodes[fact.node]
    asked = state.calls.get(fact.node)
    if asked is not None and not asked.settled:
        state = with_call(state, replace(asked, status="failed", error=body["error"], wake_at=None))
        node = state.nodes[fact.node]
    failed = replace(
        node, status=arrow(state, node, fact.type), error=body["error"], worker="", wake_at=None, hold=None,
        carries_on=body["on_error"] == "continue", timed_out=bool(body.get("timed_out")),
    )  # fmt: skip
    return settled(state, failed)


def _node_skipped(state: JobState, fact: Fact) -> JobState:
    node = state.nodes[fact.node]
    skipped = replace(node, status=arrow(state, node, fact.type), reason=fact.body["reason"],
                    cause=fact.body.get("cause", ""), wake_at=None)  # fmt: skip
    return settled(state, skipped)


def _retry(state: JobState, fact: Fact) -> JobState:
    when, asked = fact.body["wake_at"], state.calls.get(fact.node)
    if asked is not None and not asked.settled:
        state = with_call(state, replace(asked, status="backoff", wake_at=when, error=fact.body["error"]))
    failed_call = state.calls.get(fact.body.get("call", ""))
    if failed_call is not None:
        state = with_call(state, replace(failed_call, status="again"))
    node = state.nodes.get(fact.node)
    if node is None:  # a call of a workflow; its step goes on until it can go no further
        return state
    tries = node.tries + int(fact.body["attempt"] > node.tries)
    waits = replace(node, status=arrow(state, node, fact.type), worker="", wake_at=when, tries=tries)
    earliest = _next_look(state, waits)
    return place(state, replace(waits, wake_at=min(when, earliest) if earliest else when))


def _lease_lost(state: JobState, fact: Fact) -> JobState:
    node = state.nodes[fact.node]
    for path in sorted(node.open):
        asked = state.calls[path]
        if asked.status == "open" and asked.info["effect"] != "at_most_once":
            state = with_call(state, replace(asked, status="lost", wake_at=None))
    node = state.nodes[fact.node]
    return place(state, replace(node, status=arrow(state, node, fact.type), worker="", lost=True))


def _turned(state: JobState, fact: Fact) -> JobState:
    phase = _phase(state, fact)
    if phase == "failing":
        return state.but(phase=phase, failure=dict(fact.body), due=(), paused=False)
    return state.but(phase=phase, caller=dict(fact.body), due=(), paused=False)


def _ended(state: JobState, fact: Fact) -> JobState:
    return state.but(
        phase=_phase(state, fact), finished_at=fact.at, agenda=frozenset(), due=(), paused=False,
        output=fact.body.get("output"), outcome=fact.body.get("outcome", ""),
    )  # fmt: skip


HANDLERS: dict[str, Handler] = {
    "job_created": _job_created,
    "plan_generated": _plan_generated,
    "node_started": _node_started,
    "command_emitted": _command_emitted,
    "tool_invocation_started": _promised,
    "tool_invocation_finished": _told,
    "command_committed": _command_committed,
    "reasoning_snapshot": _snapshot,
    "effect_recorded": _effect_recorded,
    "node_finished": _node_finished,
    "node_failed": _node_failed,
    "node_retry_scheduled": _retry,
    "node_skipped": _node_skipped,
    "lease_lost": _lease_lost,
    "outcome_unknown": _outcome_unknown,
    "outcome_resolved": _outcome_resolved,
    "job_parked": _job_parked,
    "signal_received": _received,
    "message_received": _received,
    "wait_completed": _wait_completed,
    "approval_requested": _approval_requested,
    "approval_decided": _approval_decided,
    "timer_fired": _timer_fired,
    "child_started": _child_started,
    "child_finished": _child_finished,
    "job_paused": lambda state, fact: state.but(paused=True),
    "job_resumed": lambda state, fact: state.but(paused=False),
    "job_failing": _turned,
    "job_cancelling": _turned,
    "job_completed": _ended,
    "job_failed": _ended,
    "job_cancelled": _ended,
}
