"""Evidence from job to job: the graphs of stored jobs, each only for whoever may see that job, and of all no more than a walk may read."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from jobs.core.errors import Illegal, Invalid
from jobs.models import Job
from jobs.tombstones import tombstone_of

from .. import evidence, search
from ..evidence.journey import JOBS, Absent, Journey
from ..evidence.walking import Graph, Reached
from ..models import Mention
from .reading import graph_of_job

MOST_EVENTS = 200_000  # of all the jobs of one walk
MOST_KIN = 500  # jobs that name one
KINDS_THAT_COUNT = frozenset(
    {"tool", "model_call", "compensation", "approval", "child", "output", "job", "send"}
)
WITHHELD = Absent("withheld", "there is no such job here, or you may not see it")
TOO_LONG = Absent("cut", f"the walk ends here: its jobs have more than {MOST_EVENTS:,} events together")

Sees = Callable[[Job], bool]


class Stored:
    """Graphs of the jobs of a tenant, read once each.

    Args:
        tenant: whose.
        sees: whether the viewer may see a job of the tenant.
    """

    def __init__(self, tenant: str, sees: Sees | None = None) -> None:
        self.tenant, self.sees = tenant, sees
        self.left = MOST_EVENTS
        self.rows: dict[str, Job] = {}
        self._graphs: dict[str, Graph | Absent] = {}

    def graph(self, job: str) -> Graph | Absent:
        """The graph of a job, if it is the tenant's, the viewer may see it, and the walk may still read it."""
        if job not in self._graphs:
            self._graphs[job] = self._read(job)
        return self._graphs[job]

    def admit(self, row: Job) -> Graph:
        """The graph of a job that the viewer asks for and may see, however long it is.

        Raises:
            Illegal: its record is broken and tells no graph.
        """
        job = str(row.id)
        known = self._graphs.get(job)
        if known is None or isinstance(known, Absent):
            known = self._graphs[job] = graph_of_job(row)
            self.rows[job] = row
        return known

    def _read(self, job: str) -> Graph | Absent:
        row = Job.objects.filter(tenant=self.tenant, id=job).first()
        if row is None:
            stone = tombstone_of(self.tenant, job)
            return (
                WITHHELD
                if stone is None
                else Absent("pruned", "it was pruned; its tombstone says when and why")
            )
        if self.sees is not None and not self.sees(row):
            return WITHHELD
        if row.head_seq > self.left:
            return TOO_LONG
        self.left -= row.head_seq
        try:
            graph = graph_of_job(row)
        except Illegal as broken:
            return Absent("broken", broken.message)
        self.rows[job] = row
        return graph

    def kin(self, job: str) -> Iterable[str]:
        """Jobs of the tenant whose events name one, the oldest first."""
        rows = Mention.objects.filter(tenant=self.tenant, kind="job", value=job).order_by("job_id")
        return [str(each) for each in rows.values_list("job_id", flat=True).distinct()[:MOST_KIN]]


def page_of(jobs: list[str], cursor: str | None, limit: int) -> tuple[list[str], str | None, str | None]:
    """A page of the jobs of a walk, and the cursors of its neighbours: a cursor is the job behind which it begins.

    Raises:
        Invalid: there is no such place in this walk.
    """
    start = 0
    if cursor:
        if cursor not in jobs:
            raise Invalid(
                f"cursor: {cursor[:80]!r} is no place in this walk; begin anew", code="bad_cursor",
                errors=[{"loc": ["cursor"], "msg": "begin anew"}],
            )  # fmt: skip
        start = jobs.index(cursor) + 1
    some = jobs[start : start + limit]
    following = some[-1] if start + limit < len(jobs) else None
    before = jobs[start - limit - 1] if start > limit else ""
    return some, following, before if start else None


def walk(
    source: Stored,
    starts: Iterable[tuple[str, str]],
    way: tuple[str, str],
    cursor: str | None,
    limit: int,
    most: int = JOBS,
) -> dict[str, Any]:
    """Other jobs to which something leads; for arguments and answer see `toured`."""
    return toured(source, starts, way, cursor, limit, most)[0]


def toured(
    source: Stored,
    starts: Iterable[tuple[str, str]],
    way: tuple[str, str],
    cursor: str | None,
    limit: int,
    most: int = JOBS,
) -> tuple[dict[str, Any], dict[str, dict[str, Reached]]]:
    """Other jobs to which something leads.

    Args:
        source: the viewer's.
        starts: job and node each; their jobs are not among the answer's.
        way: `evidence.BACK` or `evidence.FORWARD`.
        cursor: of an earlier page.
        limit: jobs of the page.
        most: jobs of the whole walk.

    Returns:
        `{next, previous, results, links, absent, cut, behind}`: parts of the graphs of the jobs of the page, the nearest
        first; the arrows between jobs that end in one of them; the jobs that are not shown, and why; whether the walk ended
        early; and how many events the index of names does not know yet. And what was reached, by job: in the jobs of the
        starts, too, to which a walk may come back.
    """
    begun = list(starts)
    if way == evidence.FORWARD:
        search.catch_up(search.FRESHEN)
    journey = Journey(source, way, jobs=most)
    found = journey.walk(begun)
    own = {job for job, _ in begun}
    others = [job for job in found if job not in own]
    some, following, before = page_of(others, cursor, limit)
    told = [{**each, "status": source.rows[each["job"]].status} for each in journey.told(found, some)]
    answer = {
        "next": following, "previous": before, "results": told, "links": journey.told_links(some or own),
        "absent": journey.told_absent(), "cut": journey.cut,
        "behind": search.behind() if way == evidence.FORWARD else 0,
    }  # fmt: skip
    return answer, found


def neighbours(job: Job, sees: Sees | None = None, limit: int = 12) -> dict[str, list[dict[str, Any]]]:
    """The jobs around one: those from which something in it came, and those in which something came of it.

    Args:
        job: the row, which the viewer may see.
        sees: whether the viewer may see another of the tenant.
        limit: jobs that are looked at each way.

    Returns:
        `{before, after, links}`: jobs as `{job, agent, version, status, state, why}`, and the arrows to them.
    """
    source, name = Stored(job.tenant, sees), str(job.id)
    graph = source.admit(job)
    starts = [(name, each["id"]) for each in graph["nodes"]]
    told = {
        "before": walk(source, starts, evidence.BACK, None, limit, limit + 1),
        "after": walk(source, starts, evidence.FORWARD, None, limit, limit + 1),
    }
    return {
        **{side: [*map(_brief, each["results"]), *each["absent"]] for side, each in told.items()},
        "links": [*told["before"]["links"], *told["after"]["links"]],
    }


def _brief(part: dict[str, Any]) -> dict[str, Any]:
    return {
        **{name: part[name] for name in ("job", "agent", "version", "status", "distance")},
        "state": "shown",
        "why": "",
    }


def effects_across(
    source: Stored, job: str, starts: Iterable[str], most: int
) -> tuple[list[dict[str, Any]], bool, dict[str, Reached]]:
    """What followed in other jobs from nodes of one, each with its effects; whether the walk ended early; and in this one.

    Args:
        source: the viewer's.
        job: of the nodes.
        starts: their ids.
        most: jobs of the walk.
    """
    journey = Journey(source, evidence.FORWARD, jobs=most)
    found = journey.walk((job, each) for each in starts)
    parts = journey.told(found, [each for each in found if each != job])
    told = [
        {**_brief({**each, "status": source.rows[each["job"]].status}), "effects": effects_of(each["nodes"])}
        for each in parts
    ]
    hidden = [{**each, "agent": "", "version": "", "status": "", "distance": None, "effects": []}
              for each in journey.told_absent()]  # fmt: skip
    return [*told, *hidden], journey.cut, found.get(job, {})


def effects_of(nodes: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """The calls, approvals, children and ends among some nodes."""
    return [each for each in nodes if each["kind"] in KINDS_THAT_COUNT]
