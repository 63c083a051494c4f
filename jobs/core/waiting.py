"""Waits: signals, messages, timers, children; asked, answered, timed out (design: Law L5)."""

from __future__ import annotations

from typing import Any

from ledger.canonical import erased_key

from .chain import digest_of
from .commands import EndChild, Hold, SendMessage, SendSignal, TakeTurn, Unhold
from .draft import Draft
from .ending import fail_step
from .errors import Ended, Illegal, Invalid, KeyReused, NotFound, Stale
from .ids import approval_id, child_id
from .moments import due as due_at
from .moments import plus
from .state import PLAN_STEP, WAITS, Asked, JobState, Node


def ask(
    draft: Draft, path: str, kind: str, name: str, args: Any, spec: dict[str, Any], *, fence: int = 0
) -> None:
    """Register a wait under its path; `spec` says when it ends without an answer."""
    if kind not in WAITS:
        raise Invalid(f"job {draft.state.job}, {path}: {kind!r} is not a wait")
    body = {**spec, "due": _due(draft, kind, spec)}
    draft.emit(
        "command_emitted", path, command=kind, name=name, args=body, digest=digest_of(args), fence=fence
    )
    if kind == "approval":
        _request(draft, path, spec)
    elif kind == "child":
        draft.emit("child_started", path, job=child_id(draft.state.job, path), agent=name, goal=spec["goal"],
                   **_heir(draft.state, path))  # fmt: skip


def _heir(state: JobState, path: str) -> dict[str, str]:
    """A retry's child takes up the work of the child that was started here before, under the same keys."""
    before = (state.forked or {}).get("children", {}).get(path)
    return {"retries": before} if before else {}


def _due(draft: Draft, kind: str, spec: dict[str, Any]) -> str | None:
    if kind == "timer":
        return plus(draft.now, float(spec["seconds"]))
    return due_at(spec.get("deadline"), draft.now)


def _request(draft: Draft, path: str, spec: dict[str, Any]) -> None:
    """Put the question; the digest binds everything shown and everything released."""
    approval = approval_id(draft.state.job, path)
    bound = {
        "approval": approval,
        "question": spec["question"],
        "shown": spec["shown"],
        "releases": spec["releases"],
    }
    draft.emit(
        "approval_requested", path, **bound, digest=digest_of(bound), groups=list(spec["groups"]),
        users=list(spec["users"]), quorum=spec["quorum"], four_eyes=spec["four_eyes"],
        deadline=draft.state.calls[path].wake_at, on_timeout=spec["on_timeout"],
        escalate_to=list(spec.get("escalate_to") or ()), form=spec.get("form"),
    )  # fmt: skip


def settle_now(draft: Draft, path: str) -> None:
    """Answer a wait from the letters that came before it."""
    asked = draft.state.calls[path]
    box = f"{asked.kind}/{asked.name}"
    letters = draft.state.mail.get(box, ())
    if asked.status == "waiting" and asked.kind in ("signal", "message") and letters:
        _complete(draft, asked, letters[0].payload, source=letters[0].seq)


def _complete(draft: Draft, asked: Asked, value: Any, *, source: Any, timed_out: bool = False) -> None:
    draft.emit(
        "wait_completed",
        asked.path,
        kind=asked.kind,
        name=asked.name,
        value=value,
        source=source,
        timed_out=timed_out,
    )
    conclude(draft, asked.path)


def conclude(draft: Draft, path: str) -> None:
    """A graph's own wait is settled with its answer; inside a workflow the function goes on by itself."""
    if not draft.is_graph_step(path) or draft.state.phase != "open":
        return
    asked = draft.state.calls[path]
    if asked.status == "failed":
        error = dict(asked.error or {"code": "failed", "message": f"{path} failed"})
        fail_step(draft, path, error, timed_out=error.get("code") == "timed_out")
        return
    body: dict[str, Any] = {"outcome": "done", "result": asked.value}
    if asked.kind == "approval":
        decision = asked.value["decision"]
        body.update(outcome="done" if decision == "approved" else "rejected", decision=decision)
    expired = asked.kind == "approval" and asked.value.get("timed_out") is True
    if expired or asked.info.get("timed_out"):
        body["timed_out"] = True
    draft.emit("node_finished", path, step_outcome="pure", fence=draft.state.nodes[path].fence, **body)


def fire_due(draft: Draft, name: str) -> None:
    """Fire whatever of a step's waits has come due at `draft.now`; the sweep may be late, the rule is not."""
    for path in sorted(draft.state.nodes[name].open):
        asked = draft.state.calls[path]
        if asked.status != "waiting" or asked.wake_at is None or asked.wake_at > draft.now:
            continue
        if asked.kind == "timer":
            draft.emit("timer_fired", path, due=asked.wake_at)
            conclude(draft, path)
        elif asked.kind == "approval":
            _expire(draft, asked)
        else:
            _complete(draft, asked, None, source=None, timed_out=True)


def fire_all_due(draft: Draft) -> None:
    """Fire every wait of the job whose time has passed, before anything else is judged."""
    if draft.state.phase != "open":  # a job that ends waits for nothing any more
        return
    for name in sorted(draft.state.agenda):
        node = draft.state.nodes[name]
        if node.open:
            fire_due(draft, name)


def _expire(draft: Draft, asked: Asked) -> None:
    """The deadline decides as was declared: reject, approve or escalate."""
    effect = {"reject": "rejected", "approve": "approved", "escalate": "escalated"}[asked.info["on_timeout"]]
    draft.emit(
        "approval_decided", asked.path, approval=asked.info["approval"], decision="timed_out", actor=None,
        comment="", digest=asked.info["digest"], form=None, effect=effect,
    )  # fmt: skip
    if effect != "escalated":
        value = {"decision": effect, "by": [], "comment": "", "form": None, "approval": asked.info["approval"],
                 "timed_out": True}  # fmt: skip
        draft.emit("wait_completed", asked.path, kind="approval", name=asked.name, value=value, source=None,
                   timed_out=False)  # fmt: skip
        conclude(draft, asked.path)


def signal(draft: Draft, wish: SendSignal) -> None:
    """A word from outside; each wait of its name takes one, first in first out."""
    box = f"signal/{wish.name}"
    if _seen(draft.state, f"signal/{wish.id}", box):
        return
    if draft.state.ended:
        raise Ended(f"job {draft.state.job} is {draft.state.phase}: it takes no signal any more")
    _known_signal(draft.state, wish.name)
    fire_all_due(draft)
    draft.emit(
        "signal_received", "", name=wish.name, payload=wish.payload, id=wish.id, actor=wish.actor.to_json()
    )
    _deliver(draft, "signal", wish.name)


def _seen(state: JobState, key: str, box: str) -> bool:
    kind, _, id = key.partition("/")
    before = state.seen.get(key) or state.seen.get(f"{kind}/{erased_key(id)}")
    if before is not None and before != box:
        raise KeyReused(f"job {state.job}: the id {id!r} was used before for {before}")
    return before is not None


def _known_signal(state: JobState, name: str) -> None:
    if state.plan is None or any(node.kind == "workflow" for node in state.plan.nodes.values()):
        return
    names = sorted({node.spec["signal"] for node in state.plan.nodes.values() if node.kind == "wait"})
    if name not in names:
        known = ", ".join(names) or "none"
        raise Invalid(f"job {state.job} has no wait for a signal named {name!r}; its waits take: {known}",
                      code="unknown_signal")  # fmt: skip


def message(draft: Draft, wish: SendMessage) -> None:
    """A message on a channel."""
    box = f"message/{wish.channel}"
    if _seen(draft.state, f"message/{wish.id}", box):
        return
    if draft.state.ended:
        raise Ended(f"job {draft.state.job} is {draft.state.phase}: it takes no message any more")
    fire_all_due(draft)
    more = {"sender": dict(wish.sender)} if wish.sender else {}
    draft.emit("message_received", "", channel=wish.channel, payload=wish.payload, id=wish.id,
               actor=wish.actor.to_json(), **more)  # fmt: skip
    _deliver(draft, "message", wish.channel)


def _deliver(draft: Draft, kind: str, name: str) -> None:
    waiting = [
        draft.state.calls[path]
        for step in draft.state.agenda
        for path in draft.state.nodes[step].open
        if draft.state.calls[path].status == "waiting"
    ]
    fitting = [asked for asked in waiting if (asked.kind, asked.name) == (kind, name)]
    if fitting:
        settle_now(draft, min(fitting, key=lambda asked: asked.seq).path)


def end_child(draft: Draft, wish: EndChild) -> None:
    """A child job has ended; its result is the answer."""
    asked = draft.state.calls.get(wish.path)
    if asked is None or asked.info.get("job") != wish.job:
        raise NotFound(f"job {draft.state.job} started no child {wish.job} at {wish.path}")
    if asked.status != "waiting" or draft.state.ended:
        return
    error = wish.error
    if wish.status != "completed":
        found = error if isinstance(error, dict) else {}
        error = {"code": f"child_{wish.status}", "message": f"child job {wish.job} ended as {wish.status}",
                 "child": wish.job, "cause": found}  # fmt: skip
    draft.emit("child_finished", wish.path, job=wish.job, status=wish.status, output=wish.output, error=error)
    conclude(draft, wish.path)


def hold(draft: Draft, wish: Hold) -> None:
    """No living worker can run the step: it parks and says what is missing."""
    node = _step(draft, wish.node)
    if node.kind != "compensation":
        draft.open("hold")
    draft.alive("hold")
    due = wish.kind == "limit" or (node.wake_at or "") <= draft.now
    startable = node.status == "ready" or (node.status == "backoff" and due)
    if not startable or draft.state.paused:
        raise Stale(
            f"job {draft.state.job}, step {node.id} is {node.status}: nothing to hold", code="not_ready"
        )
    more = {"wake_at": wish.until} if wish.until else {}
    draft.emit("job_parked", node.id, kind=wish.kind, name=wish.name, **more)


def unhold(draft: Draft, wish: Unhold) -> None:
    """What the step was held for has come."""
    node = _step(draft, wish.node)
    if node.status == "parked" and node.hold is not None and not draft.state.ended:
        kind, name = node.hold
        if kind == "agent":
            raise Illegal(f"job {draft.state.job} waits for its turn at agent instance {name}, which only the end of "
                          "the one before it gives", code="not_its_turn")  # fmt: skip
        draft.emit(
            "wait_completed",
            wish.path or node.id,
            kind=kind,
            name=name,
            value=None,
            source=None,
            timed_out=False,
        )


def take_turn(draft: Draft, wish: TakeTurn) -> None:
    """The instance has come to this message; nothing happens if it has left the line."""
    node = _step(draft, PLAN_STEP)
    if draft.state.phase != "open" or node.status != "parked" or node.hold != ("agent", wish.instance):
        return
    value = {"turn": wish.turn, "after": wish.after, "state": dict(wish.state)}
    draft.emit("wait_completed", PLAN_STEP, kind="agent", name=wish.instance, value=value, source=None,
               timed_out=False)  # fmt: skip


def _step(draft: Draft, name: str) -> Node:
    node = draft.state.nodes.get(name)
    if node is None:
        raise Illegal(f"job {draft.state.job} has no step {name}")
    return node
