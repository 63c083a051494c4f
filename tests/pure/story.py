"""A story: one job, the wishes that were sent to it, and what each of them made of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from jobs.core.commands import (
    SYSTEM,
    Actor,
    AdoptPlan,
    At,
    Call,
    Command,
    Confirm,
    CreateJob,
    Promise,
    Seen,
    StartNode,
)
from jobs.core.decide import decide
from jobs.core.errors import Refused
from jobs.core.events import Fact
from jobs.core.ids import idempotency_key
from jobs.core.moments import plus
from jobs.core.state import PLAN_STEP, JobState, Node

JOB = "0198f0c0-0000-7000-8000-000000000001"
START = "2026-01-05T09:00:00.000000Z"
WORKER = "0198f0c0-0000-7000-8000-00000000aaaa"
INSTANCE = "0198f0c0-0000-7000-8000-00000000bbbb"
ASKER = Actor(id="u1", name="ann", groups=("finance",))
PEOPLE = (ASKER, *(Actor(id=f"u{n}", name=f"user {n}", groups=("finance", "heads")) for n in (2, 3, 4)))
STRANGER = Actor(id="u9", name="stranger", groups=("sales",))
PERSON = Actor(id="u5", name="desk", groups=("desk",))
EFFECTS = {"read": "pure", "ask": "idempotent", "pay": "at_most_once", "wire": "at_most_once",
           "book": "transactional"}  # fmt: skip
# What undoes an effect: its own effect class, and whether it can be asked; what is not named here cannot be undone.
SEEN = {"pay": "strict", "ask": "park", "book": "warn", "wire": "park"}  # what a mismatch with the world does
UNDO = {"pay": ("idempotent", False), "wire": ("at_most_once", True)}
RETRY = {"max_attempts": 2, "backoff": 2.0, "jitter": 0.0}
LIMITS = ({"deadline": None, "on_timeout": "fail"}, {"deadline": {"in": 30.0}, "on_timeout": "fail"})
ASKING = {
    "question": "Sure?", "shown": {}, "releases": [], "groups": ["finance"], "users": [], "quorum": 1,
    "four_eyes": False, "deadline": {"in": 30.0}, "on_timeout": "reject", "escalate_to": [], "form": None,
}  # fmt: skip
LINES: tuple[tuple[str, str, dict[str, Any]], ...] = (
    *(("tool", name, {}) for name in ("pay", "wire", "wire", "ask", "read", "book")),
    *(("signal", "go", limits) for limits in LIMITS),
    ("message", "in", LIMITS[1]), ("timer", "", {"seconds": 20.0}), ("child", "helper", {"goal": {"x": 1}}),
    ("approval", "sure", ASKING), ("timer", "", {"seconds": 3.0}), ("send", "desk", {"goal": {"x": 1}, "not_before": {"in": 5.0}}),
)  # fmt: skip

GATHERED = (LINES[0], LINES[0], LINES[0], *LINES[5:])  # what a workflow waits for beside calls that go wrong


@dataclass
class Told:
    """One wish, the state before it, and its outcome: facts and the state after, or the refusal."""

    before: JobState
    wish: Command
    now: str
    facts: tuple[Fact, ...] = ()
    after: JobState | None = None
    refusal: Refused | None = None


@dataclass
class Story:
    """The history of one job so far, and the functions (`programs`) that its workflow steps run."""

    pick: Callable[[Sequence[Any]], Any]
    plan: dict[str, Any]
    state: JobState = field(default_factory=JobState)
    now: str = START
    facts: list[Fact] = field(default_factory=list)
    told: list[Told] = field(default_factory=list)
    programs: dict[str, list[tuple[str, str, dict[str, Any]]]] = field(default_factory=dict)
    lines: tuple[tuple[str, str, dict[str, Any]], ...] = LINES
    letters: int = 0
    job: str = JOB
    on_failure: str = ""  # drawn where it is not given

    def send(self, wish: Command) -> Told:
        """Let the core decide; a refusal is part of the story."""
        told = Told(self.state, wish, self.now)
        try:
            draft = decide(self.state, wish, At(self.now, dice=0.5))
        except Refused as refusal:
            told.refusal = refusal
        else:
            told.facts, told.after = tuple(draft.facts), draft.state
            self.facts += draft.facts
            self.state = draft.state
        self.told.append(told)
        return told

    def begin(self) -> None:
        """Create the job; most are planned at once, some wait for their turn at an agent instance."""
        on_failure = self.on_failure or self.pick(("fail", "compensate", "compensate"))
        how = self.pick(("plain", "planned", "planned", "planned", "waiting", "planned"))
        message = {"id": INSTANCE, "due": self.now, "message": "hello", "not_before": None}
        waiting = message if how == "waiting" else None
        wish = CreateJob(self.job, "helper", "1", {"x": 1}, ASKER, tags=("drawn",), on_failure=on_failure)
        self.send(replace(wish, instance=waiting))
        if how == "planned":
            self.send(StartNode(PLAN_STEP, WORKER))
            self.send(AdoptPlan(self.state.nodes[PLAN_STEP].fence, self.plan))

    def pass_time(self, seconds: float) -> None:
        """The clock of the writers moves."""
        self.now = plus(self.now, seconds)

    def wait_until(self, moment: str | None) -> None:
        """The clock moves to a moment, if that lies ahead."""
        self.now = max(self.now, moment or self.now)

    def promise(self, tool: str, path: str) -> Promise:
        """The promise of a call of a toy tool."""
        return Promise(
            tool=tool, version="1", schema="s1", effect=EFFECTS.get(tool, "idempotent"),
            key=idempotency_key(self.state.origin or self.job, path), args={"x": 1}, deadline=plus(self.now, 60.0), probe=tool == "wire",
            retry=RETRY, compensation=tool in UNDO, confirm=SEEN.get(tool, ""), requires=("gpu",) if tool == "wire" else (),
        )  # fmt: skip

    def promise_of(self, node: Node) -> Promise | None:
        """The promise that a worker makes when it claims a step."""
        spec = self.state.spec(node)
        if node.undoes:
            tool = str(self.state.calls[node.undoes].info["tool"])
            effect, probe = UNDO[tool]
            return replace(
                self.promise(tool, node.id),
                effect=effect,
                probe=probe,
                compensation=False,
                requires=(),
                confirm="",
            )
        if spec is None or node.kind not in ("tool", "llm"):
            return None
        return self.promise(str(spec.spec.get("tool") or spec.spec["model"]), node.id)

    def seen(self, step: str, *answers: bool | None) -> Confirm:
        """What a worker that wants to go on with a step sees of each effect in doubt; the last answer is repeated."""
        paths = sorted(self.state.doubts)
        said = [*answers, *[answers[-1]] * len(paths)]
        seen = [Seen(path, holds, {"seen": "by a toy"}) for path, holds in zip(paths, said, strict=False)]
        return Confirm(tuple(seen), SYSTEM, step)

    def call(self, node: Node, path: str) -> Call:
        """What a workflow asks for at a path of its own."""
        kind, name, spec = self.program(node.id)[int(path.rpartition("/")[2])]
        promise = self.promise(name, path) if kind == "tool" else None
        return Call(node.id, node.fence, path, kind, name, {"x": 1}, promise, spec)

    def program(self, step: str) -> list[tuple[str, str, dict[str, Any]]]:
        """The calls that the function of a step makes, one to three, drawn once."""
        if step not in self.programs:
            self.programs[step] = [self.pick(self.lines) for _ in range(self.pick((1, 2, 3)))]
        return self.programs[step]

    def letter(self) -> str:
        """The id of a new letter."""
        self.letters += 1
        return f"letter-{self.letters}"
