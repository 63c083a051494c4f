"""What each step of a job went through, told from its events alone: state, attempts, waits, take-overs. Pure.

It reads types, times and a few small members, so that a long history costs little; what it says of a step is for
drawing. What a step *is* says the fold.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from jobs.core.events import TERMINALS, Fact
from jobs.core.moments import parse

from .gantt import Bar

ENDS = {"node_finished": "done", "node_failed": "failed", "node_skipped": "skipped"}
OVER = frozenset(ENDS.values())
RESTS = frozenset({"waiting", "ready", "backoff"})
UNKNOWN = "unknown outcome"
WAKES = frozenset({"wait_completed", "timer_fired", "child_finished", "outcome_resolved"})


@dataclass
class Way:
    """What a step, or a call inside one, went through. Filled while the events are walked, and only read after it."""

    state: str = "waiting"
    note: str = ""
    attempts: int = 0
    worker: str = ""
    bars: list[Bar] = field(default_factory=list)
    takeovers: list[datetime] = field(default_factory=list)

    def begin(self, kind: str, at: datetime, title: str, worker: str = "") -> None:
        """Something begins, and what was there before ends."""
        self.end(at)
        self.bars.append(Bar(kind, at, None, title, worker))

    def end(self, at: datetime, kind: str = "") -> None:
        """What is there ends; `kind` says that it was not what it seemed."""
        if self.bars and self.bars[-1].end is None:
            last = self.bars[-1]
            self.bars[-1] = replace(last, end=at, kind=kind or last.kind)


@dataclass(frozen=True)
class Course:
    """Everything that the events tell.

    Args:
        ways: by step or call, in the order of their first event.
        ended: when the job ended; None while it has not.
    """

    ways: dict[str, Way]
    ended: datetime | None


def walk(facts: Iterable[Fact], owner: Callable[[str], str]) -> Course:
    """Tell the course.

    Args:
        facts: in order; their bodies may lack whatever this module does not read.
        owner: the step that a path belongs to.
    """
    ways: dict[str, Way] = {}
    items: dict[str, list[str]] = {}
    ended = None
    for fact in facts:
        if fact.type in TERMINALS:
            ended = parse(fact.at)
        elif fact.node:
            above = fact.node.partition("/")[0]
            if fact.node != above and fact.node not in ways and owner(fact.node) == fact.node:
                items.setdefault(above, []).append(fact.node)
            way = ways.setdefault(fact.node, Way())
            step = ways.setdefault(owner(fact.node), Way())
            _note(way, step, fact, parse(fact.at))
            if above in items and above in ways and ways[above].state in OVER:
                _left_behind([ways[path] for path in items[above]], parse(fact.at))
    if ended is not None:
        for way in ways.values():
            way.end(ended)
    return Course(ways, ended)


def _left_behind(items: list[Way], at: datetime) -> None:
    """Items that do not run when their map is over will not run any more; an unknown outcome still asks for one."""
    for item in items:
        if item.state in RESTS or (item.state == "parked" and item.note != UNKNOWN):
            item.end(at)
            item.state, item.note = "skipped", "its map is over"


def _note(way: Way, step: Way, fact: Fact, at: datetime) -> None:
    kind, body = fact.type, fact.body
    if kind == "node_started":
        _started(way, body, at)
    elif kind == "job_parked":
        _parked(way, step, body, at)
    elif kind == "node_retry_scheduled":
        way.begin("backoff", at, "waits before it tries again")
        way.state = "backoff"
    elif kind == "lease_lost":
        way.end(at, "lost")
        way.state, way.note = "ready", "its worker was lost"
    elif kind in ENDS:
        way.end(at)
        way.state, way.note = ENDS[kind], str(body.get("reason", ""))
    elif kind in WAKES:
        _woken(way, step, at)
    elif way is not step:
        _called(way, kind, at)


def _started(way: Way, body: Any, at: datetime) -> None:
    worker, attempt = str(body.get("worker", "")), body.get("attempt", way.attempts + 1)
    if way.note == "its worker was lost" and worker != way.worker:
        way.takeovers.append(at)
    way.begin("attempt", at, f"attempt {attempt}", worker)
    way.state, way.note, way.worker = "running", "", worker
    way.attempts += 1


def _parked(way: Way, step: Way, body: Any, at: datetime) -> None:
    waits = str(body.get("kind", "wait")).replace("_", " ")
    if way is not step:
        step.end(at)
    way.begin("wait", at, f"waits for {waits} {body.get('name') or ''}".strip())
    way.state = step.state = "parked"
    way.note = step.note = waits


def _woken(way: Way, step: Way, at: datetime) -> None:
    way.end(at)
    if way is not step:
        way.state = "done"
    if step.state == "parked":
        step.end(at)
        step.state, step.note = "ready", ""


def _called(way: Way, kind: str, at: datetime) -> None:
    if kind == "tool_invocation_started":
        way.begin("call", at, "call")
        way.state, way.attempts = "running", way.attempts + 1
    elif kind == "tool_invocation_finished":
        way.end(at)
        way.state = "done"
    elif kind == "outcome_unknown":
        way.end(at)
        way.state, way.note = "parked", UNKNOWN
