"""Claims and promises: who works on a step, and what is about to be called (Laws L4, E1)."""

from __future__ import annotations

from typing import Any

from .chain import digest_of
from .commands import AwaitEffect, Call, FailCall, Promise, Recall, Record, RefuseNode, StartNode
from .compensation import undone_call
from .draft import Draft
from .ending import fail_step
from .errors import Illegal, Stale
from .ids import compensates, invocation_id
from .mailbox import sent_job
from .moments import due as due_at
from .settle import differs_from
from .state import ONE_CALL, Asked, JobState, Node
from .telling import landed
from .waiting import ask, settle_now


def start(draft: Draft, wish: StartNode) -> None:
    """Claim a step; with a promise, the call it is about to make."""
    node = _claimable(draft, wish.node)
    if wish.promise is not None and node.kind not in ONE_CALL:
        raise Illegal(
            f"job {draft.state.job}, step {node.id}: a {node.kind} step is claimed without a promise"
        )
    if node.suspect and not wish.alone:
        raise Stale(
            f"job {draft.state.job}, step {node.id}: {node.crashes} workers died while they ran it; "
            "it is claimed only by a worker that runs nothing else",
            code="suspect",
        )
    fence = _claim(draft, node, wish.worker, alone=wish.alone, code=wish.code)
    if wish.promise is None:
        if node.kind in ONE_CALL and not _unknown(draft.state, node):
            raise Illegal(
                f"job {draft.state.job}, step {node.id}: a {node.kind} step is claimed with its promise"
            )
        return
    _as_released(draft.state, node)
    digest = digest_of(wish.promise.args)
    promise(draft, node.id, fence, wish.promise, name=wish.promise.tool, kind=node.kind, digest=digest)


def _claim(draft: Draft, node: Node, worker: str, *, alone: bool = False, code: str = "") -> int:
    reason = _reason(draft.state, node)
    more: dict[str, Any] = {"alone": True} if alone else {}
    more |= {"code": code} if code else {}
    draft.emit("node_started", node.id, worker=worker, attempt=node.attempt + 1, reason=reason, **more)
    return draft.state.seq


def _unknown(state: JobState, node: Node) -> bool:
    return any(state.calls[path].status == "unknown" for path in node.open)


def _claimable(draft: Draft, name: str) -> Node:
    state = draft.state
    draft.alive("claim")
    node = state.nodes.get(name)
    if node is None:
        raise Stale(f"job {state.job} has no step {name}")
    probing = _unknown(state, node)
    if state.doubts and state.phase == "open" and not state.paused:
        raise Stale(
            f"job {state.job}, step {name}: it has waited, and what landed before ({', '.join(sorted(state.doubts))}) "
            "is to be confirmed first",
            code="world_unconfirmed",
        )
    if state.phase != "open" and not probing and node.kind != "compensation":
        raise Illegal(f"job {state.job} is {state.phase}: step {name} does not start", code="job_ending")
    if state.paused:
        raise Illegal(f"job {state.job} is paused: step {name} does not start", code="job_paused")
    held_back = node.hold is not None and node.hold[0] == "limit"
    timed = node.status == "backoff" or (node.status == "parked" and (probing or held_back))
    if node.status != "ready" and not (timed and node.wake_at is not None and node.wake_at <= draft.now):
        raise Stale(
            f"job {state.job}, step {name} is {node.status}: there is nothing to claim", code="not_ready"
        )
    return node


def _reason(state: JobState, node: Node) -> str:
    if _unknown(state, node):
        return "probe"
    if node.lost:
        return "takeover"
    if node.attempt == 0:
        return "first"
    return "retry" if node.status == "backoff" else "resume"


def _as_released(state: JobState, node: Node) -> None:
    """Refuse other arguments than those that an approval showed (design: Humans)."""
    spec = state.spec(node)
    if spec is None or node.parent:
        return
    for name in sorted(spec.upstream):
        asked = state.calls.get(name)
        shown = asked.info.get("releases", ()) if asked and asked.kind == "approval" else ()
        other = [
            arg
            for each in shown
            if each["node"] == node.id
            for arg in differs_from(each["args"], state, spec)
        ]
        if other:
            raise Illegal(
                f"job {state.job}, step {node.id}: {', '.join(other)} is not what approval {name} released",
                code="not_what_was_approved",
            )


def promise(draft: Draft, path: str, fence: int, wish: Promise, *, name: str, kind: str, digest: str) -> None:
    """Write the promise of a call: the ledger line is reserved in the same commit (E1, E2)."""
    asked = draft.state.calls.get(path)
    if asked is None:
        draft.emit(
            "command_emitted", path, command=kind, name=name, args=wish.args, digest=digest, fence=fence
        )
        asked = draft.state.calls[path]
    if asked.status not in ("again", "lost", "backoff"):
        raise Stale(
            f"job {draft.state.job}, call {path} is {asked.status}: it is not made again", code="not_ready"
        )
    invocation, more = invocation_id(draft.state.job, path), _of_undoing(wish)
    if kind == "compensation":
        undone = undone_call(draft.state, path)
        more = {"compensates": undone["compensates"]}
        if asked.attempt == 0:
            draft.emit("compensation_started", path, invocation=invocation, **undone)
    draft.emit(
        "tool_invocation_started", path,
        invocation=invocation, tool=wish.tool, version=wish.version, schema=wish.schema,
        effect=wish.effect, key=wish.key, business_key=wish.business_key, attempt=asked.attempt + 1,
        deadline=wish.deadline, probe=wish.probe, retry=dict(wish.retry), fence=fence, holds=wish.holds, **more,
        **({"confirm": wish.confirm} if wish.confirm else {}),
    )  # fmt: skip


def _of_undoing(wish: Promise) -> dict[str, Any]:
    """What a promise says of how its effect would be undone."""
    if not wish.compensation:
        return {}
    return {"compensation": True, **({"requires": list(wish.requires)} if wish.requires else {})}


def call(draft: Draft, wish: Call) -> None:
    """A running step asks for something under its claim."""
    if draft.claimed(wish.node, wish.fence).kind != "compensation":
        draft.open("call")
    if draft.state.paused:
        raise Illegal(f"job {draft.state.job} is paused: call {wish.path} is not made", code="job_paused")
    _own(draft.state, wish.node, wish.path)
    asked = draft.state.calls.get(wish.path)
    if asked is not None:
        _same(draft.state, asked, wish)
    if wish.promise is not None:
        digest = digest_of(wish.args)
        promise(draft, wish.path, wish.fence, wish.promise, name=wish.name, kind=wish.kind, digest=digest)
    elif asked is None and wish.kind == "send":
        send(draft, wish)
    elif asked is None:
        ask(draft, wish.path, wish.kind, wish.name, wish.args, dict(wish.spec), fence=wish.fence)
        settle_now(draft, wish.path)


def send(draft: Draft, wish: Call) -> None:
    """A message to another agent instance; it leaves with this commit, under an id that its path gives (L7)."""
    due = due_at(wish.spec.get("not_before"), draft.now)
    body = {**wish.spec, "due": due, "job": sent_job(draft.state.origin, wish.path)}
    draft.emit(
        "command_emitted", wish.path, command="send", name=wish.name, args=body, digest=digest_of(wish.args),
        fence=wish.fence,
    )  # fmt: skip


def fail_call(draft: Draft, wish: FailCall) -> None:
    """A call that cannot be made (its business key was used otherwise) fails without a promise."""
    draft.claimed(wish.node, wish.fence)
    _own(draft.state, wish.node, wish.path)
    _not_made_yet(draft.state, wish.path)
    if wish.path not in draft.state.calls:
        draft.emit(
            "command_emitted", wish.path, command=wish.kind, name=wish.name, args=wish.args,
            digest=digest_of(wish.args), fence=wish.fence,
        )  # fmt: skip
    draft.emit(
        "command_committed",
        wish.path,
        command=wish.path,
        outcome="failed",
        fence=wish.fence,
        error=dict(wish.error),
    )


def _same(state: JobState, asked: Asked, wish: Call) -> None:
    if (asked.kind, asked.name) != (wish.kind, wish.name):
        raise Illegal(
            f"job {state.job}, path {wish.path}: recorded {asked.kind} {asked.name}, asked {wish.kind} {wish.name}",
            code="non_determinism",
        )
    if wish.path != wish.node and asked.digest != digest_of(wish.args):
        raise Illegal(
            f"job {state.job}, path {wish.path}: {asked.kind} {asked.name} was recorded with other arguments",
            code="non_determinism",
        )


def _not_made_yet(state: JobState, path: str) -> None:
    """Refuse to settle a call in another way while it is open, unknown or settled."""
    asked = state.calls.get(path)
    if asked is not None and asked.status not in ("again", "lost", "backoff"):
        raise Stale(f"job {state.job}, call {path} is {asked.status}: it is not made again", code="not_ready")


def _own(state: JobState, step: str, path: str) -> None:
    """Refuse a path that is neither the step itself nor below it."""
    if path != step and not path.startswith(step + "/"):
        raise Illegal(f"job {state.job}: path {path} does not belong to step {step}", code="foreign_path")


def record(draft: Draft, wish: Record) -> None:
    """Readings of clock, die and code version, to be read alike ever after."""
    draft.claimed(wish.node, wish.fence)
    for path, kind, value in wish.readings:
        _own(draft.state, wish.node, path)
        if path not in draft.state.calls:
            draft.emit("effect_recorded", path, kind=kind, value=value, fence=wish.fence)


def refuse(draft: Draft, wish: RefuseNode) -> None:
    """A step whose arguments do not fit fails before anything is promised."""
    node = _claimable(draft, wish.node)
    if _unknown(draft.state, node):
        raise Stale(
            f"job {draft.state.job}, step {node.id}: the outcome of its call is unknown; it is settled first",
            code="not_ready",
        )
    fence = _claim(draft, node, wish.worker)
    fail_step(draft, node.id, dict(wish.error), fence=fence)


def _under_claim(draft: Draft, wish: Recall | AwaitEffect) -> int:
    """The fence to write under: the claim that runs, or one made in this very commit."""
    _own(draft.state, wish.node, wish.path)
    _not_made_yet(draft.state, wish.path)
    if compensates(wish.node):
        raise Illegal(
            f"job {draft.state.job}, step {wish.node}: to undo an effect has no business key of its own"
        )
    if wish.fence:
        draft.claimed(wish.node, wish.fence)
        return wish.fence
    return _claim(draft, _claimable(draft, wish.node), wish.worker)


def _asked_of(draft: Draft, wish: Recall | AwaitEffect, fence: int) -> None:
    if wish.path in draft.state.calls:
        return
    promised = wish.promise
    kind = wish.call.kind if wish.call else draft.state.nodes[wish.node].kind
    draft.emit(
        "command_emitted", wish.path,
        command=kind, name=promised.tool, args=promised.args, digest=_digest(wish), fence=fence,
    )  # fmt: skip


def _digest(wish: Recall | AwaitEffect) -> str:
    return digest_of(wish.call.args if wish.call else wish.promise.args)


def recall(draft: Draft, wish: Recall) -> None:
    """The business key has landed before: its result is adopted, nothing is called (E2)."""
    fence = _under_claim(draft, wish)
    _asked_of(draft, wish, fence)
    asked = draft.state.calls[wish.path]
    draft.emit(
        "tool_invocation_finished", wish.path,
        invocation=invocation_id(draft.state.job, wish.path), tool=wish.promise.tool, status="recalled",
        attempt=asked.attempt, fence=fence, result=wish.result, recalled_from=dict(wish.source),
    )  # fmt: skip
    landed(draft, wish.path, fence)


def await_effect(draft: Draft, wish: AwaitEffect) -> None:
    """Another call holds the business key and is not settled: park until it is."""
    fence = _under_claim(draft, wish)
    _asked_of(draft, wish, fence)
    if any(draft.state.calls[path].status == "open" for path in draft.state.nodes[wish.node].open):
        raise Illegal(
            f"job {draft.state.job}, step {wish.node}: another of its calls has not told its outcome; "
            "tell it before the step parks",
            code="calls_open",
        )
    draft.emit("job_parked", wish.path, kind="effect", name=wish.holder["invocation"], fence=fence)
