"""What the events of a wait mean: letters, timers, children and approvals."""

from __future__ import annotations

from immutables import Map

from .arrows import wake, with_call
from .changing import replace
from .events import Fact
from .state import JobState, Mail


def wait_completed(state: JobState, fact: Fact) -> JobState:
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
    if body["kind"] == "agent" and state.message is not None:
        told = body["value"]
        message = state.message.at_turn(told["turn"], told["after"])
        state = state.but(message=message, data=Map(told["state"]))
    return wake(state, fact)


def timer_fired(state: JobState, fact: Fact) -> JobState:
    state = with_call(state, replace(state.calls[fact.node], status="done", wake_at=None))
    return wake(state, fact)


def child_started(state: JobState, fact: Fact) -> JobState:
    asked = state.calls[fact.node]
    return with_call(state, replace(asked, info={**asked.info, "job": fact.body["job"]}))


def child_finished(state: JobState, fact: Fact) -> JobState:
    body, asked = fact.body, state.calls[fact.node]
    status = "done" if body["status"] == "completed" else "failed"
    state = with_call(state, replace(asked, status=status, value=body["output"], error=body["error"]))
    return wake(state, fact)


def approval_requested(state: JobState, fact: Fact) -> JobState:
    asked = state.calls[fact.node]
    info = {**asked.info, **fact.body}
    return with_call(state, replace(asked, info=info, wake_at=fact.body["deadline"]))


def approval_decided(state: JobState, fact: Fact) -> JobState:
    asked, body = state.calls[fact.node], fact.body
    state = state.but(votes=state.votes.set(fact.node, (*state.votes.get(fact.node, ()), dict(body))))
    if body["effect"] == "escalated":
        info = {**asked.info, "groups": list(asked.info["escalate_to"]), "users": [], "escalated": True}
        return with_call(state, replace(asked, info={**info, "delegates": []}, wake_at=None))
    if body["effect"] == "delegated":
        delegates = [*asked.info.get("delegates", ()), body["to"]["name"]]
        return with_call(state, replace(asked, info={**asked.info, "delegates": delegates}))
    if body["effect"] == "withdrawn":
        return with_call(state, replace(asked, status="failed", wake_at=None))
    return state


def received(state: JobState, fact: Fact) -> JobState:
    kind = "signal" if fact.type == "signal_received" else "message"
    body = fact.body
    box = f"{kind}/{body['name' if kind == 'signal' else 'channel']}"
    letters = (*state.mail.get(box, ()), Mail(id=body["id"], payload=body["payload"], seq=fact.seq))
    return state.but(mail=state.mail.set(box, letters), seen=state.seen.set(f"{kind}/{body['id']}", box))
