"""Where else what a job has on record may stand: jobs that took over something of it, or from which it did."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from ledger.models import Invocation

from ..bodies import folded
from ..core.errors import Illegal
from ..models import Delivery, Event, Job

MOST = 1000  # jobs that are named


@dataclass(frozen=True)
class Copy:
    """Another job that holds something of this one.

    Args:
        job: its id.
        relation: `fork`, `retry` (born of this one), `source` (this one was born of it), `child`, `parent`, `message`
            (sent by this one), `sender`, `recall` (took over a result of this one), `instance` (a later message to the
            same agent instance, which began with what this one had left).
        status: how it stands.
        paths: the steps in question; all of it if empty.
    """

    job: str
    relation: str
    status: str
    paths: tuple[str, ...] = ()

    def to_json(self, **more: Any) -> dict[str, Any]:
        told = {"job": self.job, "relation": self.relation, "status": self.status, "paths": list(self.paths)}
        return {**told, **more}


def copies_of(job: UUID, tenant: str) -> list[Copy]:
    """Every other job, near or far, that holds something of a job; each once, the nearest first."""
    found: dict[str, Copy] = {}
    waiting, seen = [job], {job}
    while waiting and len(found) < MOST:
        for copy in _next_to(waiting.pop(0), tenant):
            key = UUID(copy.job)
            if key in seen:
                continue
            seen.add(key)
            found[copy.job] = copy
            if copy.relation not in (
                "parent",
                "sender",
                "source",
                "recall",
            ):  # what they did besides is their own
                waiting.append(key)
    return list(found.values())


def _next_to(job: UUID, tenant: str) -> Iterator[Copy]:
    row = Job.objects.filter(id=job, tenant=tenant).first()
    if row is None:
        return
    for relation, ids, paths in _relations(row):
        for other in Job.objects.filter(tenant=tenant, id__in=ids).order_by("created_at", "id")[:MOST]:
            told = "retry" if relation == "fork" and other.generation > 1 else relation
            yield Copy(str(other.id), told, other.status, paths.get(other.id, ()))


Paths = dict[UUID, tuple[str, ...]]


def _relations(row: Job) -> Iterator[tuple[str, list[UUID], Paths]]:
    yield "fork", list(Job.objects.filter(forked_from=row.id).values_list("id", flat=True)), {}
    yield "child", _named(row, "child_started"), {}
    yield "message", _sent(row), {}
    if row.instance is not None and row.turn is not None:
        later = Job.objects.filter(instance=row.instance, turn__gt=row.turn)
        yield "instance", list(later.values_list("id", flat=True)), {}
    if row.forked_from is not None:
        yield "source", [row.forked_from], {}
    if row.parent_job is not None:
        yield "parent", [row.parent_job], {row.parent_job: (row.parent_node,)}
    yield _recalls(row)


def _bodies(row: Job, kind: str) -> list[dict[str, Any]]:
    rows = list(Event.objects.filter(job_id=row.id, type=kind).order_by("seq").values_list("seq", "body"))
    return folded(row.id, row.tenant, [each[0] for each in rows], [each[1] for each in rows])


def _named(row: Job, kind: str) -> list[UUID]:
    return [UUID(body["job"]) for body in _bodies(row, kind) if "copied" not in body]


def _sent(row: Job) -> list[UUID]:
    return [UUID(body["args"]["job"]) for body in _bodies(row, "command_emitted")
            if body["command"] == "send" and "job" in body["args"] and "copied" not in body]  # fmt: skip


def _recalls(row: Job) -> tuple[str, list[UUID], Paths]:
    ours = Invocation.objects.filter(job_id=row.id).values("id")
    lines = Invocation.objects.filter(recalled_from__in=ours).exclude(job_id=row.id)
    paths: Paths = {}
    for job, node in lines.values_list("job_id", "node")[:MOST]:
        paths[job] = (*paths.get(job, ()), node.partition("/")[0])
    return "recall", list(paths), paths


def refuse_unsettled(job: Job) -> None:
    """Refuse to take anything away while something of a job is under way.

    Raises:
        Illegal: a promise of the job, or of one that was born of it, is open or unknown; or a delivery has not arrived.
    """
    heirs = [job.id, *Job.objects.filter(forked_from=job.id).values_list("id", flat=True)]
    owed = Invocation.objects.filter(job_id__in=heirs, state__in=("open", "unknown")).first()
    if owed is not None:
        raise Illegal(
            f"job {job.id}: call {owed.node} of job {owed.job_id} is {owed.state}; its outcome is settled first",
            code="promise_open",
            invocation=str(owed.id),
        )
    parties = {
        job.id,
        *_named(job, "child_started"),
        *_sent(job),
        *([job.parent_job] if job.parent_job else []),
    }
    parties |= (
        set(Job.objects.filter(instance=job.instance, finished_at=None).values_list("id", flat=True))
        if job.instance
        else set()
    )
    late = Delivery.objects.filter(job_id__in=parties).first()
    if late is not None:
        raise Illegal(
            f"job {job.id}: {late.command} to job {late.job_id} has not arrived yet; ask again in a moment",
            code="delivery_under_way",
        )
