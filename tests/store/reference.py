"""A tiny model of one job, written from the contract alone: what a command leads to, or why it is refused.

The job: `word` waits for a signal (a day, then it goes on without), then `ask` is put to finance (a day, then it is
rejected), then `pay` is called at most once; `look`, which is pure, stands beside them. Each call has three attempts.
"""

from __future__ import annotations

from dataclasses import dataclass, field

ATTEMPTS, SUSPECT = 3, 2
DAY, TIMEOUT, GRACE = 86400.0, 60.0, 5.0
LIVE = ("ready", "running", "backoff", "parked")
ENDED = ("completed", "failed", "cancelled")
CLAIMED = ("_plan", "look", "pay")


@dataclass
class Model:
    """What is so, as a person would keep it on paper. Times are seconds on the test's own clock."""

    phase: str = "open"
    paused: bool = False
    started: bool = False
    steps: dict[str, str] = field(default_factory=lambda: {"_plan": "ready"})
    holder: dict[str, str] = field(default_factory=dict)  # of a running step: its worker
    attempts: dict[str, int] = field(default_factory=dict)
    deaths: dict[str, int] = field(default_factory=dict)  # workers that died while they ran the step
    due: dict[str, float] = field(default_factory=dict)
    unknown: bool = False
    letters: int = 0  # signals that nobody has taken
    book: dict[str, str] = field(default_factory=dict)
    landed: int = 0  # times that `pay` may have happened

    @property
    def ended(self) -> bool:
        """Whether its terminal event is written."""
        return self.phase in ENDED

    @property
    def bound(self) -> bool:
        """Whether a promise stands against its end."""
        return self.unknown or self.steps.get("pay") == "running"

    @property
    def agenda(self) -> dict[str, str]:
        """The rows that the agenda has."""
        if self.ended:
            return {}
        rows = {name: status for name, status in self.steps.items() if status in LIVE}
        if self.phase != "open":
            rows = {
                name: status
                for name, status in rows.items()
                if status == "running" or (name == "pay" and self.unknown)
            }
        held = self.paused or self.phase != "open"
        return {
            name: status for name, status in rows.items() if status not in ("ready", "backoff") or not held
        }

    @property
    def status(self) -> str:
        """What the job's row says."""
        if self.ended:
            return self.phase
        if self.paused:
            return "paused"
        live = [self.steps[name] for name in self.steps if self.steps[name] in LIVE]
        if self.phase != "open":
            live = list(self.agenda.values())
        if live and all(status == "parked" for status in live):
            return "parked"
        return "running" if self.started else "pending"

    # --- what moves by itself ----------------------------------------------------------------------

    def flow(self, now: float) -> None:
        """Whatever needs no worker happens at once; then the job ends if nothing stands against it."""
        if self.phase == "open" and not self.paused:
            self._open_what_is_next(now)
        if self.ended or self.bound:
            return
        ends = {"failing": "failed", "cancelling": "cancelled"}
        if self.phase in ends:
            self.phase = ends[self.phase]
            if self.book.get("look") == "open":
                self.book["look"] = "abandoned"
        elif self.steps.get("look") == "done" and self.steps.get("pay") in ("done", "skipped"):
            self.phase = "completed"

    def _open_what_is_next(self, now: float) -> None:
        if self.steps.get("word") == "waiting":
            self.steps["word"], self.due["word"] = "parked", now + DAY
            if self.letters:
                self.letters -= 1
                self.steps["word"] = "done"
        if self.steps.get("ask") == "waiting" and self.steps["word"] == "done":
            self.steps["ask"], self.due["ask"] = "parked", now + DAY
        if self.steps.get("ask") == "rejected" and self.steps["pay"] == "waiting":
            self.steps["pay"] = "skipped"

    def fire(self, now: float) -> None:
        """Deadlines that have passed decide as was declared, however late somebody looks."""
        if self.phase != "open":
            return
        if self.steps.get("word") == "parked" and self.due["word"] <= now:
            self.steps["word"] = "done"
        elif self.steps.get("ask") == "parked" and self.due["ask"] <= now:
            self.steps["ask"] = "rejected"

    # --- what a worker does ------------------------------------------------------------------------

    def may_claim(self, name: str, now: float) -> bool:
        """Whether somebody may begin the step."""
        status = self.steps.get(name)
        timed = status == "backoff" and self.due[name] <= now
        suspect = self.deaths.get(name, 0) >= SUSPECT  # runs alone from now on, and nobody here offers that
        return self.phase == "open" and not self.paused and not suspect and (status == "ready" or timed)

    def claim(self, name: str, worker: str, now: float) -> None:
        """Begin it; for a call, promise it."""
        self.steps[name], self.holder[name], self.started = "running", worker, True
        if name != "_plan":
            self.attempts[name] = self.attempts.get(name, 0) + 1
            self.book[name], self.due[name] = "open", now + TIMEOUT + GRACE
        if name == "pay":
            self.landed += 1

    def planned(self) -> None:
        """The planner's graph is adopted."""
        self.steps = {"_plan": "done", "look": "ready", "word": "waiting", "ask": "waiting", "pay": "waiting"}

    def told(self, name: str, kind: str, now: float) -> None:
        """A call told its outcome."""
        if kind == "landed":
            self.steps[name], self.book[name] = "done", "landed"
        elif kind == "raised" and name == "pay":
            self.steps[name], self.unknown, self.book[name] = "parked", True, "unknown"
        else:
            self.book[name] = "not_landed" if kind == "not_landed" else "failed"
            self.landed -= name == "pay"
            self._again(name, now)

    def _again(self, name: str, now: float) -> None:
        if self.attempts[name] < ATTEMPTS and self.phase == "open":
            self.steps[name], self.due[name] = "backoff", now + 2.0 ** (self.attempts[name] - 1)
        else:
            self._fail(name)

    def _fail(self, name: str) -> None:
        self.steps[name] = "failed"
        if self.phase == "open":
            self.phase, self.paused = "failing", False

    def lost(self, name: str, *, died: bool = False) -> None:
        """Its worker died, or its time is over: what is harmless is run again, of the effect nobody knows."""
        self.deaths[name] = self.deaths.get(name, 0) + died
        self.steps[name] = "ready"
        if name == "pay":
            self.steps[name], self.unknown, self.book[name] = "parked", True, "unknown"

    # --- what people do ----------------------------------------------------------------------------

    def resolved(self, verdict: str) -> None:
        """A person says what became of the payment."""
        self.unknown = False
        self.book["pay"] = {"landed": "landed", "absent": "absent", "fail": "given_up"}[verdict]
        if verdict == "landed":
            self.steps["pay"] = "done"
        elif verdict == "fail":
            self._fail("pay")
        else:
            self.steps["pay"] = "ready"
            self.landed -= 1

    def signalled(self) -> None:
        """A new signal."""
        if self.phase == "open" and self.steps.get("word") == "parked":
            self.steps["word"] = "done"
        else:
            self.letters += 1

    def voted(self, decision: str) -> None:
        """The one vote that decides."""
        self.steps["ask"] = "rejected" if decision == "reject" else "done"
        if decision == "approve":
            self.steps["pay"] = "ready"
