"""What the events of a step mean: claimed, parked, retried, settled."""

from __future__ import annotations

from .agenda import place, rest
from .arrows import arrow, earliest, next_look, owner, with_call
from .changing import replace
from .events import Fact
from .evolve_world import tried_in_vain
from .settle import settled
from .state import JobState, Node

HOLDS = frozenset({"version", "capability", "effect", "limit", "agent", "world"})


def node_started(state: JobState, fact: Fact) -> JobState:
    node = state.nodes[fact.node]
    started = replace(
        node, status=arrow(state, node, fact.type), fence=fact.seq, worker=fact.body["worker"],
        attempt=fact.body["attempt"], wake_at=None, hold=None, lost=False, alone=bool(fact.body.get("alone")),
        seen=state.data if node.seen is None else node.seen,
    )  # fmt: skip
    return place(state.but(started=True), replace(started, wake_at=next_look(state, started, started.open)))


def job_parked(state: JobState, fact: Fact) -> JobState:
    body, node = fact.body, owner(state, fact.node)
    hold = (body["kind"], body["name"]) if body["kind"] in HOLDS else node.hold
    parked = replace(acquitted(node), status=arrow(state, node, fact.type), worker="", hold=hold)
    wake_at = body["wake_at"] if body["kind"] == "limit" else earliest(state, node.open)
    if body["kind"] == "world":
        wake_at = min((time for time in (wake_at, body.get("wake_at")) if time), default=None)
        state = tried_in_vain(state, fact)
    return place(state, replace(parked, wake_at=wake_at))


def node_finished(state: JobState, fact: Fact) -> JobState:
    body, node = fact.body, state.nodes[fact.node]
    rejected = body["outcome"] == "rejected"
    label = "node_finished (rejected)" if rejected else fact.type
    done = replace(
        node, status=arrow(state, node, label), result=body["result"], worker="", wake_at=None,
        timed_out=bool(body.get("timed_out")), approved=body.get("decision") == "approved",
        cause="rejected" if rejected else "", error={"errors": body["errors"]} if body.get("errors") else None,
    )  # fmt: skip
    return settled(state, done)


def node_failed(state: JobState, fact: Fact) -> JobState:
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


def node_skipped(state: JobState, fact: Fact) -> JobState:
    node = state.nodes[fact.node]
    skipped = replace(node, status=arrow(state, node, fact.type), reason=fact.body["reason"],
                    cause=fact.body.get("cause", ""), wake_at=None)  # fmt: skip
    return settled(state, skipped)


def retry(state: JobState, fact: Fact) -> JobState:
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
    waits = replace(
        acquitted(node), status=arrow(state, node, fact.type), worker="", wake_at=when, tries=tries
    )
    return rest(state, replace(waits, wake_at=min(when, earliest(state, waits.open) or when)))


def lease_lost(state: JobState, fact: Fact) -> JobState:
    node = state.nodes[fact.node]
    for path in sorted(node.open):
        asked = state.calls[path]
        if asked.status == "open" and asked.info["effect"] != "at_most_once":
            state = with_call(state, replace(asked, status="lost", wake_at=None))
    node = state.nodes[fact.node]
    crash = fact.body["reason"] == "worker_dead"
    freed = replace(
        node, status=arrow(state, node, fact.type), worker="", lost=True, wake_at=None,
        crashes=node.crashes + int(crash), deaths=node.deaths + int(crash and node.alone),
    )  # fmt: skip
    return rest(state, freed)


def acquitted(node: Node) -> Node:
    """The step as it comes out of a run; one that ran alone and killed nothing is no suspect any more."""
    return replace(node, crashes=0, deaths=0) if node.status == "running" and node.alone else node


def snapshot(state: JobState, fact: Fact) -> JobState:
    delta = fact.body["delta"]
    if not delta:
        return state
    data = state.data.mutate()
    for key in delta.get("drop", ()):
        data.pop(key, None)
    data.update(delta.get("set", {}))
    return state.but(data=data.finish())
