"""What the pages about one job read: a fixed number of queries, and a bounded number of rows of each kind."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from jobs.admin.job_page import worker_names
from jobs.admin.shown import step_name
from jobs.bodies import hydrated
from jobs.core.events import Fact
from jobs.core.ids import compensates
from jobs.core.plan import Plan, PlanError
from jobs.core.state import PLAN_STEP
from jobs.models import Approval, Event, Job, Step

from .course import Course, Way, walk

EVENTS = 4_000  # of the newest that the pictures are drawn from
BODIES = 1_500
STEPS = 500
TOLD = ("node_started", "job_parked", "lease_lost", "node_skipped")  # whose bodies the course reads


@dataclass(frozen=True)
class Told:
    """A job as its pages draw it.

    Args:
        plan: its graph; None where there is none yet, or its event was erased.
        course: what its steps went through.
        cut: how many events are older than those that were read.
        workers: names by id.
    """

    job: Job
    plan: Plan | None
    course: Course
    cut: int
    workers: Mapping[str, str]

    @property
    def steps(self) -> list[str]:
        """Planning, the plan's nodes, then what was undone."""
        undone = [name for name in self.course.ways if compensates(name)]
        return [PLAN_STEP, *(self.plan.nodes if self.plan else ()), *undone]

    def way(self, node: str) -> Way:
        """A step's way; one that no event that was read speaks of, and that has left the agenda, went it earlier."""
        found = self.course.ways.get(node)
        return found if found is not None else Way(state="earlier" if self.cut else "waiting")

    def items(self, node: str) -> Counter[str]:
        """How many items of a map are in which state."""
        inside = f"{node}/"
        return Counter(way.state for name, way in self.course.ways.items() if name.startswith(inside))


def tell(job: Job) -> Told:
    """Read what the pictures of a job need."""
    plan = _plan(job)
    facts, cut = _facts(job.id)
    course = walk(facts, _owner(plan))
    _correct(job.id, course, cut)
    ids = {UUID(bar.worker) for way in course.ways.values() for bar in way.bars if bar.worker}
    names = {str(key): name for key, name in worker_names(ids).items()}
    return Told(job, plan, course, cut, names)


def _plan(job: Job) -> Plan | None:
    row = Event.objects.filter(job_id=job.id, type="plan_generated").order_by("seq").first()
    if row is None or row.body is None:
        return None
    try:
        body = hydrated([row.body], job.tenant)[0]
        return Plan.load(body["plan"]) if body else None
    except (LookupError, PlanError, ValueError):  # a broken record; verifying it says where
        return None


def _owner(plan: Plan | None) -> Any:
    """Which step a path belongs to: an item of a map is a step of its own, a call is part of one."""
    nodes = plan.nodes if plan else {}

    def owner(path: str) -> str:
        first = path.partition("/")[0]
        known = nodes.get(first)
        return path if compensates(path) or (known is not None and known.kind == "map") else first

    return owner


def _facts(job: UUID) -> tuple[list[Fact], int]:
    rows = list(
        Event.objects.filter(job_id=job).order_by("-seq").values_list("seq", "type", "node", "at")[:EVENTS]
    )
    wanted = [seq for seq, kind, _, _ in rows if kind in TOLD][:BODIES]
    bodies = dict(
        Event.objects.filter(job_id=job, seq__in=wanted, body__isnull=False).values_list("seq", "body")
    )
    facts = [Fact(kind, node, json.loads(bodies.get(seq) or "{}"), seq, at) for seq, kind, node, at in rows]
    facts.reverse()
    return facts, facts[0].seq - 1 if facts else 0


def _correct(job: UUID, course: Course, cut: int) -> None:
    """What the agenda and the approvals know better than the events that were read."""
    if course.ended is None:
        for node, state, attempt in Step.objects.filter(job_id=job).values_list("node", "state", "attempt")[
            :STEPS
        ]:
            way = course.ways.setdefault(node, Way())
            way.state, way.attempts = state, max(way.attempts, attempt)
    rejected = Approval.objects.filter(job_id=job, state="rejected").values_list("node", flat=True)
    for node in rejected[:STEPS]:
        if node in course.ways and course.ways[node].state == "done":
            course.ways[node].state = "rejected"


def until(told: Told, now: datetime) -> datetime:
    """Where the picture of the course ends."""
    return told.course.ended or now


def listed(told: Told, names: Iterable[str]) -> list[dict[str, Any]]:
    """Steps as rows of a table."""
    return [
        {
            "node": name,
            "name": step_name(name),
            "kind": kind_of(told, name),
            "way": told.way(name),
            "worker": told.workers.get(told.way(name).worker, ""),
        }
        for name in names
    ]


def kind_of(told: Told, node: str) -> str:
    """What a step is, in one or two words."""
    if compensates(node):
        return "undo"
    found = told.plan.nodes.get(node) if told.plan else None
    if found is None:
        return "plan" if node == PLAN_STEP else "call"
    for member in ("tool", "model", "agent", "signal", "channel"):
        if isinstance(found.spec.get(member), str):
            return f"{found.kind} {found.spec[member]}"
    return found.kind
