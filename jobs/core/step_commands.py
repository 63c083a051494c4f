"""Wishes of a worker about a step: claims, promises, outcomes. All but the claim carry its fence (Law L4)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

JSON = Any


@dataclass(frozen=True, slots=True)
class Promise:
    """A call about to be made; the ledger line is reserved in the same commit.

    Args:
        args: the validated arguments, ready for the tool.
        deadline: until when one attempt may take.
        probe: whether the tool can be asked afterwards.
        holds: whether it takes its business key for itself.
        compensation: whether its effect can be undone.
        requires: capabilities of a worker that can make or undo it.
        confirm: what follows if the world does not show the effect later (strict, park, warn); empty: nobody can ask.
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
    confirm: str = ""
    compensation: bool = False
    requires: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class StartNode:
    """Claim a step; one that is a single call (tool, llm, compensation) with the promise of it.

    Args:
        alone: the worker's process runs nothing else until the claim is over.
        code: digest of the source of the function that will run, where it is one and the source is there.
    """

    node: str
    worker: str
    promise: Promise | None = None
    alone: bool = False
    code: str = ""


@dataclass(frozen=True, slots=True)
class AdoptPlan:
    fence: int
    plan: JSON
    requires: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Call:
    """A workflow (or a planner) asks for something at a path of its own.

    Args:
        kind: tool, llm, signal, message, approval, timer, child or send.
        name: what is called (tool, model, signal, channel, agent, agent instance).
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
class FailCall:
    """A workflow's call that cannot be made at all; recorded, so that every later run sees the same failure."""

    node: str
    fence: int
    path: str
    kind: str
    name: str
    args: JSON
    error: Mapping[str, Any]


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
