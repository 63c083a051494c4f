"""What the events of a call mean: asked, promised, told, unknown, resolved."""

from __future__ import annotations

from .agenda import opened_map, place
from .arrows import arrow, owner, wake, with_call
from .call_errors import given_up, unstorable
from .changing import replace
from .events import Fact
from .evolve_compensation import opened_compensation, piled_up
from .evolve_world import stands
from .state import Asked, JobState

ANSWERS = {"landed": "landed", "absent": "absent", "fail": "given_up"}
MAYBE = frozenset(
    {"no_answer", "abandoned"}
)  # an idempotent call that ends so may have happened all the same


def command_emitted(state: JobState, fact: Fact) -> JobState:
    body, path = fact.body, fact.node
    if body["command"] == "map":
        opened = replace(state.nodes[path], status=arrow(state, state.nodes[path], fact.type))
        return opened_map(state, opened, body["count"])
    if body["command"] == "compensation":
        state = opened_compensation(state, fact)
    waits = body["command"] in ("signal", "message", "timer", "child", "approval")
    sent = body["args"].get("job") if body["command"] == "send" else None  # it answers at once
    asked = Asked(
        path=path, node=owner(state, path).id, kind=body["command"], name=body["name"], digest=body["digest"],
        status="waiting" if waits else "done" if sent else "again", value=sent, args=body["args"], fence=body.get("fence", 0), seq=fact.seq,
        info=dict(body["args"]) if waits else {}, wake_at=body["args"].get("due") if waits else None,
    )  # fmt: skip
    return with_call(state, asked)


def promised(state: JobState, fact: Fact) -> JobState:
    body = dict(fact.body)
    asked = state.calls[fact.node]
    again = replace(
        asked, status="open", attempt=body["attempt"], fence=body["fence"], wake_at=body["deadline"],
        info={**body, "probes": 0, **_doubt(asked)}, error=None,
    )  # fmt: skip
    return with_call(state, again)


def _doubt(asked: Asked) -> dict[str, bool]:
    """An earlier attempt that nobody heard the end of; only an idempotent call is made again all the same."""
    ended = asked.info.get("settled_as") in MAYBE or asked.status == "lost"
    return {"doubtful": True} if ended or asked.info.get("doubtful") else {}


def told(state: JobState, fact: Fact) -> JobState:
    body, asked = fact.body, state.calls[fact.node]
    step = owner(state, fact.node)
    if step.deaths:  # its process has come through a call: it gets on, however often workers die
        state = place(state, replace(step, deaths=0))
    info = {**asked.info, "settled_as": body["status"]}
    if body["status"] == "landed":
        state = piled_up(state, asked)
    elif body["status"] == "recalled":
        info["recalled"] = body["recalled_from"].get("effect", "")
    if body["status"] in ("landed", "recalled") and "unstorable" not in body:
        done = replace(asked, status="done", value=body["result"], wake_at=None, info=info)
        return with_call(stands(state, asked) if body["status"] == "landed" else state, done)
    info, error = {**info, "barred": "unstorable" in body}, body.get("error")
    if "unstorable" in body:
        error = unstorable(asked.name, body["unstorable"])
    return with_call(state, replace(asked, status="again", error=error, wake_at=None, info=info))


def command_committed(state: JobState, fact: Fact) -> JobState:
    asked = state.calls.get(fact.node)
    if asked is None or asked.settled or fact.body["outcome"] != "failed":
        return state
    info = {**asked.info, "barred": True} if fact.body.get("barred") else asked.info
    error = fact.body.get("error", asked.error)
    return with_call(state, replace(asked, status="failed", error=error, info=info))


def outcome_unknown(state: JobState, fact: Fact) -> JobState:
    asked = state.calls[fact.node]
    evidence = fact.body.get("evidence", {})
    info = {**asked.info, "probes": fact.body.get("probes", 0), "reason": fact.body["reason"],
            "known_dead": evidence.get("known_dead", False)}  # fmt: skip
    return with_call(state, replace(asked, status="unknown", wake_at=fact.body.get("wake_at"), info=info))


def outcome_resolved(state: JobState, fact: Fact) -> JobState:
    asked, verdict = state.calls[fact.node], fact.body["verdict"]
    info = {**asked.info, "settled_as": ANSWERS[verdict]}
    if verdict == "landed":
        done = replace(asked, status="done", value=fact.body["result"], wake_at=None, info=info)
        state = with_call(stands(piled_up(state, asked), asked), done)
    else:
        info, error = {**info, "barred": verdict == "fail"}, asked.error
        if verdict == "fail":
            error = given_up(asked.name, asked.path, fact.body["by"]["name"])
        state = with_call(state, replace(asked, status="again", wake_at=None, info=info, error=error))
    settles = verdict != "absent" and fact.node in state.nodes  # by the next event of this commit
    return state if settles else wake(state, fact)


def effect_recorded(state: JobState, fact: Fact) -> JobState:
    node, kind = owner(state, fact.node), fact.body["kind"]
    asked = Asked(path=fact.node, node=node.id, kind=kind, name="", digest="", status="done",
                  value=fact.body["value"], fence=fact.body["fence"])  # fmt: skip
    return with_call(state, asked)
