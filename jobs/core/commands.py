"""Wishes, in the imperative: what may be asked of a job. Each may be refused, and then nothing happened.

Every command about a claimed step carries the step's `fence` (Law L4). Moments are RFC 3339 text
in UTC, six decimals and `Z`, so that text order is time order.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from .erase_commands import EraseBodies, Erasure
from .hold_commands import Hold, TakeTurn, Unhold
from .past import Past
from .step_commands import (
    JSON,
    AdoptPlan,
    AwaitEffect,
    Call,
    FailCall,
    FailNode,
    FinishNode,
    LateOutcome,
    LoseLease,
    Outcome,
    Promise,
    Recall,
    Record,
    RefuseNode,
    Release,
    StartNode,
    Tell,
)
from .world_commands import Accept, Confirm, Seen

__all__ = [
    "Accept",
    "Actor",
    "AdoptPlan",
    "Answer",
    "At",
    "AwaitEffect",
    "Call",
    "Cancel",
    "Command",
    "Confirm",
    "CreateJob",
    "Due",
    "EndChild",
    "EraseBodies",
    "Erasure",
    "FailCall",
    "FailNode",
    "FinishNode",
    "ForkJob",
    "Given",
    "Hold",
    "JSON",
    "LateOutcome",
    "LoseLease",
    "NoteFork",
    "Outcome",
    "Pause",
    "Promise",
    "Recall",
    "Record",
    "RefuseNode",
    "Release",
    "Resume",
    "SYSTEM",
    "Seen",
    "SendMessage",
    "SendSignal",
    "StartNode",
    "TakeTurn",
    "Tell",
    "Unhold",
    "Vote",
]


@dataclass(frozen=True, slots=True)
class Actor:
    """Who wishes it, by value: an event must outlive the user row.

    Args:
        id: the user's or worker's stable identifier.
        name: what people call them.
        kind: `user`, `worker`, `system` or `job`.
        groups: names of the groups at that moment.
        superuser: may act where a permission is asked for (never where a vote is).
        may: the permissions it holds: submit, signal, control, resolve, hold, erase, prune.
    """

    id: str
    name: str = ""
    kind: str = "user"
    groups: tuple[str, ...] = ()
    tenant: str = "default"
    superuser: bool = False
    may: frozenset[str] = frozenset()

    def to_json(self) -> dict[str, str]:
        return {"id": self.id, "name": self.name or self.id, "kind": self.kind}


SYSTEM = Actor(id="system", name="system", kind="system")


@dataclass(frozen=True, slots=True)
class At:
    """What the outside lends to a decision: the moment, and one die in [0, 1)."""

    now: str
    dice: float = 0.5


@dataclass(frozen=True, slots=True)
class CreateJob:
    job: str
    agent: str
    version: str
    goal: JSON
    actor: Actor
    origin: str = ""
    tags: tuple[str, ...] = ()
    priority: int = 0
    parent: Mapping[str, str] | None = None  # {"job": …, "node": …}
    on_failure: str = "fail"  # or "compensate": undo what has landed before it ends as failed or cancelled
    instance: Mapping[str, Any] | None = None  # {"id", "due", …}; with "turn" and "after" at its turn
    state: Mapping[str, Any] | None = None  # what the job begins with
    key: str | None = None  # what the client calls its request


@dataclass(frozen=True, slots=True)
class Given:
    """A value that was given, `null` included."""

    value: JSON


@dataclass(frozen=True, slots=True)
class ForkJob:
    """A new job that begins with what had settled in another one.

    Args:
        past: the other job's record, cut.
        how: `retry` (the same origin, so the same idempotency keys) or `fork` (keys of its own).
        goal: another goal than the old job's.
        confirm: invocations that may happen once more, as the one who asks has seen them listed.
        landed_in_children: what the children of the old job landed that the new one does not take over.
        workflow: the agent is a workflow, whose goal is its argument.
        parent: the job and call that it is a child of.
        key: what the client calls its request.
    """

    job: str
    past: Past
    how: str
    actor: Actor
    goal: Given | None = None
    confirm: frozenset[str] = frozenset()
    landed_in_children: tuple[Mapping[str, Any], ...] = ()
    workflow: bool = False
    parent: Mapping[str, str] | None = None
    key: str | None = None


@dataclass(frozen=True, slots=True)
class NoteFork:
    """A new job was started from an event of this one."""

    fork: str
    at: int
    how: str
    actor: Actor


@dataclass(frozen=True, slots=True)
class Answer:
    """What a probe or a person says of an unknown outcome.

    Args:
        verdict: `landed`, `absent`, `fail`; a probe may also say `unknown`.
        accepted: an `absent` that re-arms the call by itself.
        fence: the claim under which a probe ran; 0 for a person.
    """

    path: str
    verdict: str
    by: Actor
    evidence: Mapping[str, Any] = field(default_factory=dict)
    result: JSON = None
    comment: str = ""
    accepted: bool = True
    fence: int = 0


@dataclass(frozen=True, slots=True)
class Due:
    """A step's `wake_at` has come: fire what is due."""

    node: str


@dataclass(frozen=True, slots=True)
class SendSignal:
    name: str
    payload: JSON
    id: str
    actor: Actor


@dataclass(frozen=True, slots=True)
class SendMessage:
    channel: str
    payload: JSON
    id: str
    actor: Actor
    sender: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Vote:
    approval: str
    decision: str  # approve | reject | delegate
    digest: str
    actor: Actor
    comment: str = ""
    form: JSON = None
    to: Actor | None = None  # delegate: whose vote it is from now on


@dataclass(frozen=True, slots=True)
class EndChild:
    path: str
    job: str
    status: str
    output: JSON = None
    error: JSON = None


@dataclass(frozen=True, slots=True)
class Cancel:
    """End the job.

    Args:
        compensate: whether to undo what has landed; None leaves it to the job's `on_failure`.
    """

    actor: Actor
    reason: str = ""
    compensate: bool | None = None


@dataclass(frozen=True, slots=True)
class Pause:
    actor: Actor
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Resume:
    actor: Actor
    reason: str = ""


Command = (
    CreateJob | StartNode | AdoptPlan | Call | Record | Tell | Recall | AwaitEffect | Answer | LateOutcome
    | FailCall | FinishNode | FailNode | RefuseNode | Release | LoseLease | Due | Hold | Unhold | TakeTurn | SendSignal
    | SendMessage | Vote | EndChild | Cancel | Pause | Resume | ForkJob | NoteFork
    | Confirm | Accept | EraseBodies
)  # fmt: skip
