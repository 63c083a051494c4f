"""A job's history, walked once: what each step went through, and what it knew before and after."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ..bodies import folded
from ..core.errors import Illegal
from ..core.events import Fact
from ..core.evolve import BrokenHistory, evolve
from ..core.state import JobState
from ..models import Event, Job
from .events import events_of

ENDS = {
    "node_finished": "finished",
    "node_failed": "failed",
    "node_skipped": "skipped",
    "lease_lost": "lease_lost",
    "node_retry_scheduled": "retry_scheduled",
    "job_parked": "parked",
}
SETTLES = ("node_finished", "node_failed", "node_skipped")


@dataclass
class Course:
    """What one step went through. Filled while the history is walked, and only read after it.

    `began_at`: the first event about the step; `before` and `after`: the job's data around its run.
    """

    attempts: list[dict[str, Any]] = field(default_factory=list)
    began_at: str | None = None
    finished_at: str | None = None
    before: Mapping[str, Any] | None = None
    after: Mapping[str, Any] | None = None
    snapshots: list[dict[str, Any]] = field(default_factory=list)


@dataclass(frozen=True)
class History:
    """A job's events, what they fold to, and the course of every step."""

    job: Job
    rows: list[Event]
    facts: list[Fact]
    state: JobState
    courses: Mapping[str, Course]
    seconds: Mapping[str, float]

    def step_of(self, path: str) -> str:
        """The step that a path belongs to: itself, or the step before its first slash."""
        return step_of(self.state, path)


def step_of(state: JobState, path: str) -> str:
    """The step that a path belongs to: itself, or the step before its first slash."""
    return path if path in state.nodes else path.partition("/")[0]


def read(job: Job) -> History:
    """Load and walk the whole history of a job.

    Raises:
        Illegal: the record is broken and tells no story; verifying it says where.
    """
    rows = list(events_of(job.id))
    try:
        bodies = folded(job.id, job.tenant, [row.seq for row in rows], [row.body for row in rows])
        facts = [
            Fact(type=row.type, node=row.node, body=body, seq=row.seq, at=row.at)
            for row, body in zip(rows, bodies, strict=True)
        ]
        return walk(job, rows, facts)
    except (BrokenHistory, LookupError, ValueError) as error:
        raise Illegal(
            f"the record of job {job.id} is broken and cannot be told; `aetheris verify {job.id}` says where ({error})",
            code="broken_record",
        ) from error


def walk(job: Job, rows: list[Event], facts: Iterable[Fact]) -> History:
    """Fold facts, noting on the way what the fold forgets."""
    state, kept = JobState(job=str(job.id)), list(facts)
    courses: dict[str, Course] = {}
    seconds: dict[str, float] = {}
    for fact in kept:
        before = dict(state.data.items())
        state = evolve(state, fact)
        if fact.node:
            course = courses.setdefault(step_of(state, fact.node), Course())
            _note(course, fact, state, before)
        if fact.type == "tool_invocation_finished" and "seconds" in fact.body:
            seconds[fact.node] = fact.body["seconds"]
    return History(job, rows, kept, state, courses, seconds)


def _note(course: Course, fact: Fact, state: JobState, before: Mapping[str, Any]) -> None:
    course.began_at = course.began_at or fact.at
    if fact.node not in state.nodes:  # a call of the step, not the step itself
        return
    if fact.type == "node_started":
        course.before = before if course.before is None else course.before
        course.attempts.append(_attempt(fact))
    elif fact.type == "reasoning_snapshot":
        course.after = dict(state.data.items())
        course.snapshots.append({"seq": fact.seq, "at": fact.at, **fact.body})
    elif fact.type in ENDS and course.attempts and course.attempts[-1]["ended_at"] is None:
        course.attempts[-1].update(ended_at=fact.at, end=ENDS[fact.type], error=fact.body.get("error"))
    if fact.type in SETTLES:
        course.finished_at = fact.at


def _attempt(fact: Fact) -> dict[str, Any]:
    return {
        "fence": fact.seq,
        "attempt": fact.body["attempt"],
        "worker": fact.body["worker"],
        "reason": fact.body["reason"],
        "started_at": fact.at,
        "ended_at": None,
        "end": None,
        "error": None,
    }
