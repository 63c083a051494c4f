"""The auditor's picture of a job: its steps, its calls, and who waits; the events move it (see `audit_fold`)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from tests.fatal.audit_books import Event
from tests.fatal.audit_plan import Plan

SETTLED = {"done", "rejected", "skipped", "failed"}
LISTED = {"ready", "running", "backoff", "parked"}
WORKERS_DO = {"tool", "llm", "workflow"}
MATTERS = {"at_most_once", "idempotent"}
ENDS = {"completed", "failed", "cancelled"}


@dataclass
class Call:
    """One thing that a step asked for."""

    path: str
    kind: str
    name: str
    args: Any
    status: str
    wake: str | None = None
    effect: str = ""
    invocation: str = ""
    deadline: str = ""
    approval: str = ""
    requires: list[str] = field(default_factory=list)
    undoable: bool = False
    gone: bool = False  # the world does not show its effect

    @property
    def open(self) -> bool:
        """Whether it is not settled."""
        return self.status not in ("done", "failed")

    @property
    def owes(self) -> bool:
        """Whether it stands against the job's end."""
        return self.status in ("open", "unknown") and self.effect in MATTERS


@dataclass
class Step:
    """One node, or one item of a map."""

    name: str
    kind: str
    status: str = "waiting"
    parent: str = ""
    fence: int = 0
    worker: str = ""
    attempt: int = 0
    wake: str | None = None
    hold: tuple[str, str] | None = None
    count: int = 0
    launched: int = 0
    settled: int = 0
    failed: int = 0
    ahead: int = 0  # items of a job born of another that have settled before they were launched here
    undoes: str = ""  # of a compensation: the path of the call


@dataclass
class Story:
    """One job, folded."""

    phase: str = "open"
    paused: bool = False
    begun: bool = False
    created: Event | None = None
    requires: dict[str, list[str]] = field(default_factory=dict)
    plan: Plan = field(default_factory=dict)
    inputs: dict[str, set[str]] = field(default_factory=dict)
    steps: dict[str, Step] = field(default_factory=lambda: {"_plan": Step("_plan", "plan", "ready")})
    calls: dict[str, Call] = field(default_factory=dict)
    pile: list[str] = field(default_factory=list)  # landed effects that can be undone, the last on top
    broken: list[str] = field(default_factory=list)  # laws that the events themselves break

    # --- asking --------------------------------------------------------------------------------------

    def owner(self, path: str) -> Step:
        """The step that a path belongs to."""
        return self.steps.get(path) or self.steps[path.partition("/")[0]]

    def calls_of(self, step: Step) -> list[Call]:
        """The unsettled calls of a step, by path."""
        found = (call for path, call in sorted(self.calls.items()) if self.owner(path) is step)
        return [call for call in found if call.open]

    def bound(self, step: Step) -> bool:
        """Whether a promise of the step stands against the end."""
        return any(call.owes for call in self.calls_of(step))

    def listed(self) -> list[Step]:
        """The steps on the agenda, by name; some of them without a row while the job is paused."""
        steps = (
            step for _, step in sorted(self.steps.items()) if step.kind != "map" and step.status in LISTED
        )
        return [] if self.phase in ENDS else [each for each in steps if self._goes_on(each)]

    def _goes_on(self, step: Step) -> bool:
        open_to_it = self.phase == "open" or step.kind == "compensation"
        return open_to_it or step.status == "running" or self.bound(step)

    def ready_now(self) -> None:
        """Mark the steps whose inputs have settled; what no worker does is treated in the same commit."""
        for name, step in self.steps.items():
            waits = step.status == "waiting" and step.kind in WORKERS_DO and not step.parent
            if waits and all(self.steps[each].status in SETTLED for each in self.inputs[name]):
                step.status = "ready"

    # --- moving ----------------------------------------------------------------------------------------

    def settle(self, step: Step, status: str) -> None:
        """A step is over: its map counts it, or gives up what is left of its items."""
        step.status, step.worker, step.wake = status, "", None
        parent = self.steps.get(step.parent)
        if parent is not None and parent.status == "running":
            parent.settled += 1
            parent.ahead += int(step.name.rpartition("/")[2]) >= parent.launched
            parent.failed += status == "failed"
            self.launch(parent)
        if step.kind == "map":
            for index in range(step.count):
                item = self.steps[f"{step.name}/{index}"]
                if item.status not in SETTLED | {"running"}:
                    self.rest(item)

    def launch(self, parent: Step) -> None:
        """Let as many items begin as may run side by side."""
        spec = self.plan[parent.name]
        limit = spec["concurrency"] or parent.count
        while (
            self.phase == "open"
            and parent.failed <= spec["tolerate"]
            and parent.launched < parent.count
            and parent.launched - (parent.settled - parent.ahead) < limit
        ):
            item = self.steps[f"{parent.name}/{parent.launched}"]
            parent.launched += 1
            if item.status == "waiting":
                item.status = "ready"
            else:
                parent.ahead -= 1

    def rest(self, step: Step) -> None:
        """A step that does not run now; an item whose map is over, and which owes nothing, is skipped."""
        parent = self.steps.get(step.parent)
        if parent is not None and parent.status in SETTLED and not self.bound(step):
            step.status, step.wake, step.hold = "skipped", None, None

    def wake(self, path: str) -> None:
        """Something came that a step waited for."""
        step = self.owner(path)
        if step.status in ("parked", "backoff"):
            step.status, step.wake, step.hold = "ready", None, None
            self.rest(step)

    def first_wake(self, step: Step) -> str | None:
        """The first moment that one of its unsettled calls names."""
        return min((call.wake for call in self.calls_of(step) if call.wake), default=None)
