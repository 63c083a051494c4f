"""Histories to copy: each is a job that goes through the commands that a worker and people would send, at set moments."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from ..core.chain import digest_of
from ..core.commands import (
    Actor,
    AdoptPlan,
    Answer,
    At,
    Cancel,
    Command,
    CreateJob,
    Outcome,
    Promise,
    StartNode,
    Tell,
    Vote,
)  # fmt: skip
from ..core.decide import decide
from ..core.events import Fact
from ..core.ids import approval_id, idempotency_key
from ..core.moments import plus
from ..core.state import PLAN_STEP, JobState

WORKER = "5eed0000-0000-4000-8000-000000000001"
ASKER = "seed-asker"
GROUP = "seed-finance"
_HOUR = 3_600.0


@dataclass(frozen=True)
class Story:
    """What one job went through.

    Args:
        share: how many of a thousand jobs are copies of it.
        state: the job at its end.
        facts: all that happened.
        words: texts in it that must be others in every copy, beside ids and times.
    """

    name: str
    share: int
    state: JobState
    facts: tuple[Fact, ...]
    words: tuple[str, ...]


class Telling:
    """One job in the making."""

    def __init__(self, job: str, agent: str, tenant: str, begin: str) -> None:
        self.state, self.facts, self.now, self.words = JobState(), list[Fact](), begin, list[str]()
        self.tenant = tenant
        self.do(
            CreateJob(
                job=job, agent=agent, version="1", goal={"order_id": "A-1001"}, actor=self.person(ASKER)
            )
        )

    def person(self, name: str) -> Actor:
        """Somebody of the tenant."""
        return Actor(id=name, name=name, tenant=self.tenant, groups=(GROUP,))

    def do(self, command: Command, after: float = 0.05) -> None:
        """Send one command, some seconds after the one before."""
        self.now = plus(self.now, after)
        draft = decide(self.state, command, At(now=self.now))
        self.state = draft.state
        self.facts += draft.facts

    def plan(self, nodes: Iterable[dict[str, Any]]) -> None:
        """Plan it."""
        self.do(StartNode(PLAN_STEP, WORKER))
        fence = self.state.nodes[PLAN_STEP].fence
        self.do(AdoptPlan(fence, {"format": 1, "nodes": list(nodes), "output": None}))

    def call(self, node: str, tool: str, effect: str, outcome: Outcome) -> None:
        """Make one call and write how it ended."""
        job = self.state.job
        words = f"seed-key-{len(self.words)}-of-{job[:8]}" if effect == "at_most_once" else None
        self.words += [words] if words else []
        args = {"order_id": "A-1001", "cents": 12_000}
        promise = Promise(
            tool=tool, version="1", schema=digest_of(tool), effect=effect, key=idempotency_key(job, node), args=args,
            deadline=plus(self.now, 30.0), business_key=words, holds=words is not None,
        )  # fmt: skip
        self.words.append(promise.key)
        self.do(StartNode(node, WORKER, promise))
        asked = self.state.calls[node]
        self.do(Tell(node, asked.fence, node, asked.attempt, outcome), 0.4)

    def vote(self, node: str, decision: str) -> None:
        """Somebody answers."""
        key = approval_id(self.state.job, node)
        digest = str(self.state.calls[node].info["digest"])
        self.do(Vote(key, decision, digest, self.person("seed-approver"), "looked at it"), _HOUR)

    def story(self, name: str, share: int) -> Story:
        """What has been told so far."""
        return Story(name, share, self.state, tuple(self.facts), tuple(self.words))


def _tool(node: str, name: str, after: tuple[str, ...] = ()) -> dict[str, Any]:
    args = {"order_id": "A-1001", "cents": 12_000}
    return {"id": node, "kind": "tool", "tool": name, "args": args, "after": list(after)}


def _ask(after: tuple[str, ...] = ()) -> dict[str, Any]:
    shown = {"order": {"$lit": {"id": "A-1001", "cents": 12_000}}}
    return {"id": "ask", "kind": "approval", "question": "Refund?", "show": shown, "groups": [GROUP], "after": list(after)}  # fmt: skip


def _landed(value: Any) -> Outcome:
    return Outcome("landed", value, seconds=0.4)


def _paid(told: Telling, share: int) -> Story:
    told.plan([_tool("order", "seed_order"), _ask(("order",)), _tool("pay", "seed_refund", ("ask",))])
    told.call("order", "seed_order", "idempotent", _landed({"id": "A-1001", "cents": 12_000}))
    told.vote("ask", "approve")
    told.call("pay", "seed_refund", "at_most_once", _landed({"refund": "R-1"}))
    return told.story("paid", share)


def _asking(told: Telling, share: int) -> Story:
    told.plan([_ask(), _tool("pay", "seed_refund", ("ask",))])
    return told.story("asking", share)


def _hearing(told: Telling, share: int) -> Story:
    told.plan([{"id": "go", "kind": "wait", "signal": "go"}])
    return told.story("hearing", share)


def _doubtful(told: Telling, share: int) -> Story:
    told.plan([_tool("pay", "seed_refund")])
    told.call("pay", "seed_refund", "at_most_once", Outcome("timeout", error={"message": "no answer"}))
    return told.story("doubtful", share)


def _failed(told: Telling, share: int) -> Story:
    told.plan([_tool("pay", "seed_refund")])
    told.call("pay", "seed_refund", "at_most_once", Outcome("timeout", error={"message": "no answer"}))
    found = Answer("pay", "fail", told.person("seed-approver"), {"said_by": "seed-approver"}, comment="asked")
    told.do(found, _HOUR)
    return told.story("failed", share)


def _cancelled(told: Telling, share: int) -> Story:
    told.plan([{"id": "go", "kind": "wait", "signal": "go"}])
    told.do(Cancel(told.person(ASKER), "not needed any more"), _HOUR)
    return told.story("cancelled", share)


def _nothing(told: Telling, share: int) -> Story:
    told.plan([{**_tool("read", "seed_order"), "when": False}])
    return told.story("nothing", share)


def long(told: Telling, calls: int) -> Story:
    """A job of many calls, one after the other: by such ones the mean length of all is met."""
    names = [f"call-{number}" for number in range(calls)]
    told.plan(
        _tool(name, "seed_order", (names[index - 1],) if index else ()) for index, name in enumerate(names)
    )
    for name in names:
        told.call(name, "seed_order", "idempotent", _landed({"seen": name}))
    return told.story("long", 0)


STORIES: tuple[tuple[str, Callable[[Telling, int], Story], int], ...] = (
    ("seed-refund", _paid, 100),
    ("seed-refund", _asking, 40),
    ("seed-intake", _hearing, 60),
    ("seed-refund", _doubtful, 15),
    ("seed-refund", _failed, 45),
    ("seed-intake", _cancelled, 100),
    ("seed-report", _nothing, 640),
)
LONGER = ("seed-report", 40)  # the agent of a long job, and its calls
