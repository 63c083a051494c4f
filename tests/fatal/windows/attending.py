"""Somebody who attends a job: answers what it asks, and says what became of a call where only a person can."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial

from jobs import approve, resume, signal
from tests.factories import person
from tests.fatal.audit import Row
from tests.fatal.processes import until
from tests.fatal.stage import Stage
from tests.fatal.windows.window import PERSON_FAIL, Window

ENDED = ("completed", "failed", "cancelled")
WORD = "the-word"  # the id under which the signal is sent, however often


class Attendant:
    """Attends one job and its children until it has ended."""

    def __init__(self, stage: Stage, window: Window, job: str) -> None:
        self.stage, self.window, self.job = stage, window, job
        self.afterwards: Callable[[], None] = lambda: None  # what else must be so when the job has ended
        self._done: set[tuple[str, str]] = set()

    def until(self, holds: Callable[[], bool], what: str, *, ticking: bool = True) -> None:
        """Wait for a condition, and attend meanwhile."""

        def meanwhile() -> None:
            if ticking:
                self.stage.tick()
            self.look()

        until(holds, what=what, meanwhile=meanwhile, told=self.stage.story)

    def until_ended(self) -> None:
        """Wait until the job has ended."""
        self.until(lambda: self.stage.status(self.job) in ENDED, f"job {self.job} to end")

    def story(self) -> list[str]:
        """The kinds of all events of the family."""
        return [kind for row in self.stage.family(self.job) for kind in self.stage.kinds(str(row["id"]))]

    def look(self) -> None:
        """Answer what the job, or a child of it, waits for now."""
        for row in self.stage.family(self.job):
            if row["status"] == "paused":
                self._once("resume", str(row["id"]), partial(resume, str(row["id"]), actor=person()))
            for waiting in json.loads(row["parked_on"]):
                self._answer(row, waiting["kind"])

    def _answer(self, row: Row, kind: str) -> None:
        job = str(row["id"])
        if kind == "signal":
            self._once(kind, job, partial(signal, job, "go", None, id=WORD, actor=person()))
        elif kind == "approval":
            self._once(kind, job, partial(approve, job, actor=person("bob")))
        elif kind == "unknown_outcome" and self.window.asks_a_person:
            self.resolve_all()

    def _once(self, kind: str, job: str, say: Callable[[], object]) -> None:
        if (kind, job) not in self._done:
            self._done.add((kind, job))
            say()

    def resolve_all(self) -> None:
        """Say of every unknown call what the payment service's own books say of it."""
        for line in self.stage.lines(self.job):
            if line["state"] != "unknown":
                continue
            found = self.stage.effects.refunds(line["idempotency_key"])
            if PERSON_FAIL in self.window.resolved:
                self.stage.resolve(line, "fail")
            elif found:
                self.stage.resolve(line, "landed", found[0])
            else:
                self.stage.resolve(line, "absent")
