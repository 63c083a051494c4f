"""What a job is at one moment: the fold of its events, and the one table of arrows.

Every arrow stands in `STEP_ARROWS` and `PHASE_ARROWS`; `evolve` follows no other, and the diagrams are printed from them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from immutables import Map

from .changing import changed
from .mailbox import Message
from .plan import Plan, PlanNode

PLAN_STEP = "_plan"
GRACE = 5.0  # seconds a worker has to report its own timeout before the sweep does
SETTLED = frozenset({"done", "rejected", "skipped", "failed"})
ON_THE_AGENDA = frozenset({"ready", "running", "backoff", "parked"})
NEEDS_A_WORKER = frozenset({"plan", "tool", "llm", "workflow"})
ONE_CALL = frozenset({"tool", "llm", "compensation"})  # steps that are one call and nothing else
WAITS = frozenset({"signal", "message", "approval", "timer", "child"})
SUSPECT = 2  # charges from which a step runs alone in its process
TOOL = "tool:"  # before the name of a tool, where a step says what its worker must have registered

# (status of the step, event) -> status of the step
STEP_ARROWS: dict[tuple[str, str], str] = {
    ("waiting", "(inputs settled)"): "ready",
    ("waiting", "node_skipped"): "skipped",
    ("waiting", "node_failed"): "failed",
    ("waiting", "node_finished"): "done",
    ("waiting", "command_emitted"): "running",  # a map opens its items
    ("waiting", "command_emitted (compensation)"): "ready",
    ("waiting", "job_parked"): "parked",
    ("waiting", "(map settled)"): "skipped",
    ("ready", "node_started"): "running",
    ("ready", "node_finished"): "done",
    ("ready", "node_finished (rejected)"): "rejected",
    ("ready", "node_failed"): "failed",
    ("ready", "job_parked"): "parked",
    ("ready", "(map settled)"): "skipped",
    ("running", "node_finished"): "done",
    ("running", "node_failed"): "failed",
    ("running", "node_retry_scheduled"): "backoff",
    ("running", "job_parked"): "parked",
    ("running", "lease_lost"): "ready",
    ("backoff", "node_started"): "running",
    ("backoff", "job_parked"): "parked",  # nobody can run it; or its job ends, and it owes an outcome
    ("backoff", "wait_completed"): "ready",
    ("backoff", "timer_fired"): "ready",
    ("backoff", "child_finished"): "ready",
    ("backoff", "outcome_resolved"): "ready",
    ("backoff", "(map settled)"): "skipped",
    ("parked", "node_started"): "running",  # a probe whose time has come
    ("parked", "node_finished"): "done",
    ("parked", "node_failed"): "failed",
    ("parked", "job_parked"): "parked",
    ("parked", "wait_completed"): "ready",
    ("parked", "timer_fired"): "ready",
    ("parked", "child_finished"): "ready",
    ("parked", "outcome_resolved"): "ready",
    ("parked", "(map settled)"): "skipped",
}

# (phase of the job, event) -> phase of the job
PHASE_ARROWS: dict[tuple[str, str], str] = {
    ("", "job_created"): "open",
    ("open", "job_completed"): "completed",
    ("open", "job_failing"): "failing",
    ("open", "job_cancelling"): "cancelling",
    ("failing", "job_failed"): "failed",
    ("failing", "job_cancelling"): "cancelling",
    ("cancelling", "job_cancelled"): "cancelled",
}
ENDED = frozenset({"completed", "failed", "cancelled"})


@dataclass(frozen=True, slots=True)
class Node:
    """One step: a node of the graph, an item of a map, or the planning itself.

    `missing` counts the inputs that have not settled; `fence` is the seq of the latest claim;
    `open` holds the paths of its calls that are not settled; `seen` is the job's state dict as
    the step first saw it, so that a workflow run again reads what it read before.
    """

    id: str
    kind: str
    status: str = "waiting"
    missing: int = 0
    parent: str = ""
    index: int = 0
    fence: int = 0
    worker: str = ""
    attempt: int = 0
    wake_at: str | None = None
    result: Any = None
    error: Mapping[str, Any] | None = None
    carries_on: bool = False  # failed with on_error="continue": reads as null
    reason: str = ""  # of a skip: when, upstream
    cause: str = ""  # "rejected" where a rejection led here
    timed_out: bool = False
    approved: bool = False
    lost: bool = False  # its last claim ended without an outcome
    alone: bool = False  # its latest claim has the worker's process for itself
    crashes: int = 0  # charges: workers that died while they ran it, since it last came out of one alone
    deaths: int = 0  # of them in a row: those that ran nothing else, and in which no call of it ended
    tries: int = 0  # of a workflow: failed runs that its own retry policy counts
    open: frozenset[str] = frozenset()
    seen: Map[str, Any] | None = None
    hold: tuple[str, str] | None = None  # (version|capability|effect|limit|agent|world, what is missing)
    count: int = 0  # of a map: items, launched, settled, failed
    undoes: str = ""  # of a compensation: the path of the call that it undoes
    launched: int = 0
    settled: int = 0
    ahead: int = 0  # items of a fork's map that have settled without being launched here
    failed: int = 0

    @property
    def met(self) -> bool:
        """Whether a dependant may go on as if nothing were wrong."""
        own_choice = self.status == "skipped" and self.reason == "when"
        return self.status == "done" or own_choice or (self.status == "failed" and self.carries_on)

    @property
    def suspect(self) -> bool:
        """Whether it may be what kills its workers, so that it runs alone."""
        return self.crashes >= SUSPECT

    @property
    def has_result(self) -> bool:
        return self.status == "done" or (self.status == "failed" and self.carries_on)


@dataclass(frozen=True, slots=True)
class Asked:
    """One thing a step asked of the outside, under its path: a call, a wait, or a reading.

    `status`: open, unknown, waiting, backoff, again (may be asked anew at once), lost (a pure or
    idempotent call whose worker died: to be called again with the same key), done, failed.
    """

    path: str
    node: str
    kind: str
    name: str
    digest: str
    status: str
    seq: int = 0
    fence: int = 0
    attempt: int = 0
    wake_at: str | None = None
    args: Any = None
    info: Mapping[str, Any] = field(default_factory=dict)  # of a call: its promise, and how that was settled
    value: Any = None
    error: Mapping[str, Any] | None = None

    @property
    def settled(self) -> bool:
        return self.status in ("done", "failed")

    @property
    def landed(self) -> bool:
        """Whether its own effect happened and stands (a recalled one is another job's)."""
        return self.info.get("settled_as") == "landed"

    @property
    def compensated(self) -> bool:
        """Whether its effect happened and was undone."""
        return self.info.get("settled_as") == "compensated"

    @property
    def blocks_the_end(self) -> bool:
        """An open or unknown promise whose effect would matter (Law L6). A transactional one is rolled back instead."""
        matters = self.info.get("effect") in ("at_most_once", "idempotent")
        return matters and self.status in ("open", "unknown")


@dataclass(frozen=True, slots=True)
class Mail:
    """A signal or message that waits to be taken."""

    id: str
    payload: Any
    seq: int


_EMPTY: Map[Any, Any] = Map()


@dataclass(frozen=True)  # without slots: it is copied for every event, and there is one for each job
class JobState:
    """Everything `decide` may look at."""

    job: str = ""
    seq: int = 0
    at: str = ""
    tenant: str = "default"
    agent: str = ""
    version: str = ""
    goal: Any = None
    goal_digest: str = ""  # which every step repeats as what it knew
    requester: Mapping[str, str] = field(default_factory=dict)
    origin: str = ""
    tags: tuple[str, ...] = ()
    priority: int = 0
    parent: Mapping[str, str] | None = None
    on_failure: str = "fail"
    request_key: str | None = None  # digest of the request's idempotency key, "" for none; None: not said
    generation: int = 1
    forked: Mapping[str, Any] | None = None  # the job, event and way it comes from
    forks: tuple[str, ...] = ()  # the jobs that come from it
    message: Message | None = None  # to which agent instance, if this job is one
    created_at: str = ""
    phase: str = ""
    paused: bool = False
    started: bool = False
    plan: Plan | None = None
    plan_hash: str = ""
    requires: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # capabilities, by step
    dependents: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    nodes: Map[str, Node] = _EMPTY
    calls: Map[str, Asked] = _EMPTY
    agenda: frozenset[str] = frozenset()
    due: tuple[str, ...] = ()
    remaining: int = 0
    busy: int = 0
    landed: Map[int, str] = _EMPTY  # effects that can be undone, in the order of landing; the last goes first
    standing: Map[str, str] = _EMPTY  # landed effects that can be confirmed, with what a mismatch does
    doubts: Map[str, int] = _EMPTY  # those to be confirmed before any claim, with the attempts in vain
    compensates: bool = False  # of a job that ends: whether it undoes what has landed
    mail: Map[str, tuple[Mail, ...]] = _EMPTY  # "signal/name" or "message/channel"
    seen: Map[str, str] = _EMPTY  # "signal/id" -> digest of name and payload
    votes: Map[str, tuple[Mapping[str, Any], ...]] = _EMPTY  # by approval path
    data: Map[str, Any] = _EMPTY
    failure: Mapping[str, Any] | None = None
    caller: Mapping[str, Any] | None = None  # who cancelled, and why
    output: Any = None
    outcome: str = ""
    compensation: Mapping[str, Any] | None = None  # of an ended job: what was undone, and what was not
    finished_at: str | None = None
    erased: frozenset[int] = frozenset()  # the events of which only what stays legible was folded

    def but(self, **changes: Any) -> JobState:
        return changed(self, changes)

    @property
    def ended(self) -> bool:
        return self.phase in ENDED

    @property
    def status(self) -> str:
        """pending, running, parked, paused, completed, failed or cancelled: derived, never stored first."""
        if self.ended:
            return self.phase
        if self.paused:
            return "paused"
        moving = any(self.nodes[name].status != "parked" for name in self.agenda)
        if self.agenda and not moving:
            return "parked"
        return "running" if self.started else "pending"

    @property
    def asked_by(self) -> frozenset[str]:
        """Everybody who asked for this job, or for one that it comes from."""
        earlier = self.forked["asked_by"] if self.forked else ()
        return frozenset({self.requester["id"], *earlier})

    @property
    def in_line(self) -> bool:
        """Whether it waits for its turn at an agent instance."""
        return self.message is not None and self.message.turn is None and self.phase == "open"

    def spec(self, node: Node) -> PlanNode | None:
        """The plan's words about a step (an item has those of its map); None for the planning step."""
        if self.plan is None:
            return None
        return self.plan.nodes.get(node.parent or node.id)

    def needs(self, node: Node) -> str:
        """What a worker must have registered to run a step: `agent@version`, or `tool:NAME`; empty if nothing."""
        if node.kind in ("plan", "workflow"):
            return f"{self.agent}@{self.version}"
        if node.undoes:
            return TOOL + self.calls[node.undoes].name
        spec = self.spec(node)
        return TOOL + str(spec.spec["tool"]) if node.kind == "tool" and spec is not None else ""

    def requirements(self, node: Node) -> tuple[str, ...]:
        """The capabilities that a step asks of its worker; to undo a call takes the same as to make it."""
        if node.undoes:
            return tuple(self.calls[node.undoes].info.get("requires", ()))
        return tuple(self.requires.get(node.parent or node.id, ()))

    def claim(self, name: str, fence: int) -> Node | None:
        """The step, if `fence` is its latest claim and still runs."""
        node = self.nodes.get(name)
        return node if node is not None and node.status == "running" and node.fence == fence else None
