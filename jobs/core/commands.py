"""Wishes, in the imperative: what may be asked of a job. Each may be refused, and then nothing happened.

Every command about a claimed step carries the step's `fence` (Law L4). Moments are RFC 3339 text
in UTC, six decimals and `Z`, so that text order is time order.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

JSON = Any


@dataclass(frozen=True, slots=True)
class Actor:
    """Who wishes it, by value: an event must outlive the user row.

    Args:
        id: the user's or worker's stable identifier.
        name: what people call them.
        kind: `user`, `worker`, `system` or `job`.
        groups: names of the groups at that moment.
        superuser: may act where a permission is asked for (never where a vote is).
    """

    id: str
    name: str = ""
    kind: str = "user"
    groups: tuple[str, ...] = ()
    tenant: str = "default"
    superuser: bool = False

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


@dataclass(frozen=True, slots=True)
class Promise:
    """A call about to be made; the ledger line is reserved in the same commit.

    Args:
        args: the validated arguments, ready for the tool.
        deadline: until when one attempt may take.
        probe: whether the tool can be asked afterwards.
        holds: whether it takes its business key for itself.
    """

    tool: str
    version: str
    schema: str
    effect: str
    key: str
    args: JSON
    deadline: str
    business_key: str | None = None
    probe: bool = False
    retry: Mapping[str, Any] = field(default_factory=dict)
    holds: bool = False


@dataclass(frozen=True, slots=True)
class StartNode:
    """Claim a step; for a tool or llm node with the promise of its call."""

    node: str
    worker: str
    promise: Promise | None = None


@dataclass(frozen=True, slots=True)
class AdoptPlan:
    fence: int
    plan: JSON


@dataclass(frozen=True, slots=True)
class Call:
    """A workflow (or a planner) asks for something at a path of its own.

    Args:
        kind: tool, llm, signal, message, approval, timer or child.
        name: what is called (tool, model, signal, channel, agent).
        args: arguments as given; their digest is compared on every later run.
        promise: for tool and llm.
        spec: for waits: deadline, on_timeout, and what the kind needs.
    """

    node: str
    fence: int
    path: str
    kind: str
    name: str
    args: JSON
    promise: Promise | None = None
    spec: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Record:
    """Readings of a workflow, `(path, kind, value)` each."""

    node: str
    fence: int
    readings: tuple[tuple[str, str, JSON], ...]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the hand brought back.

    Args:
        kind: `landed`, `not_landed`, `raised`, `timeout`, `not_sent`, `unstorable`.
        value: the result (landed), or `{type, size, digest, reason}` (unstorable).
        error: `{class, message, …}`.
    """

    kind: str
    value: JSON = None
    error: Mapping[str, Any] | None = None
    seconds: float = 0.0
    citations: tuple[Mapping[str, Any], ...] = ()
    permanent: bool = False
    retry_after: float | None = None


@dataclass(frozen=True, slots=True)
class Tell:
    """The outcome of a promised call."""

    node: str
    fence: int
    path: str
    attempt: int
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class Recall:
    """The business key has landed before: its result is taken instead of a call."""

    node: str
    worker: str
    path: str
    fence: int  # 0: claim and recall in one commit (graph node)
    promise: Promise
    result: JSON
    source: Mapping[str, str]
    call: Call | None = None


@dataclass(frozen=True, slots=True)
class AwaitEffect:
    """The business key is held by an open or unknown call: park until that one is settled."""

    node: str
    worker: str
    path: str
    fence: int
    promise: Promise
    holder: Mapping[str, str]
    call: Call | None = None


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
class LateOutcome:
    """An outcome whose claim is gone."""

    path: str
    attempt: int
    fence: int
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class FinishNode:
    """A workflow step returned."""

    node: str
    fence: int
    result: JSON
    delta: Mapping[str, JSON] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class FailNode:
    """A step could not be done; `path` names the call whose failure it was, if one was."""

    node: str
    fence: int
    error: Mapping[str, Any]
    retryable: bool = False
    path: str = ""


@dataclass(frozen=True, slots=True)
class RefuseNode:
    """A step that cannot even start: its arguments do not fit. No claim is needed."""

    node: str
    worker: str
    error: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Release:
    """A workflow step can go no further until one of the `blocked` paths is answered."""

    node: str
    fence: int
    blocked: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class LoseLease:
    """The claim is over: its worker died, timed out or handed it back."""

    node: str
    fence: int
    reason: str
    known_dead: bool


@dataclass(frozen=True, slots=True)
class Due:
    """A step's `wake_at` has come: fire what is due."""

    node: str


@dataclass(frozen=True, slots=True)
class Hold:
    """No living worker can run the step: park it (`version` or `capability`), naming what is missing."""

    node: str
    kind: str
    name: str


@dataclass(frozen=True, slots=True)
class Unhold:
    """A worker that can run the step has registered, or the settlement it waited for has come."""

    node: str
    path: str = ""


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
    decision: str  # approve | reject
    digest: str
    actor: Actor
    comment: str = ""
    form: JSON = None


@dataclass(frozen=True, slots=True)
class EndChild:
    path: str
    job: str
    status: str
    output: JSON = None
    error: JSON = None


@dataclass(frozen=True, slots=True)
class Cancel:
    actor: Actor
    reason: str = ""


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
    | FinishNode | FailNode | RefuseNode | Release | LoseLease | Due | Hold | Unhold | SendSignal | SendMessage
    | Vote | EndChild | Cancel | Pause | Resume
)  # fmt: skip
