"""What the page of one job reads: a fixed number of queries, and a bounded number of rows of each kind."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any
from uuid import UUID

from django.db.models import QuerySet

from jobs.bodies import ASIDE
from jobs.core.events import Fact
from jobs.core.ids import child_id
from jobs.models import Approval, Event, Job, Step, Worker
from jobs.queries.summaries import summary
from ledger.admin import utc
from ledger.columns import Beginning, Size
from ledger.models import Invocation

from .shown import CLIP, Part, badge, moment, part, step_name, wait_words

ROWS = 200  # of a kind on one page
BEGUN = 2_000  # characters of a body in the stream
PARTS = ("goal", "output", "error", "compensation")
_SETTLED = {"node_finished": "done", "node_failed": "failed", "node_skipped": "skipped"}


def with_parts(jobs: QuerySet[Job]) -> QuerySet[Job]:
    """The jobs with only the beginning of each large text, and its length."""
    found = jobs.defer(*PARTS)
    for name in PARTS:
        found = found.annotate(**{f"{name}_start": Beginning(name, CLIP), f"{name}_size": Size(name)})
    return found


def parts_of(job: Any) -> list[Part]:
    """Goal, output and error as the page shows them; those that the job has."""
    starts = [(name, getattr(job, f"{name}_start"), getattr(job, f"{name}_size")) for name in PARTS]
    return [part(name, start, size) for name, start, size in starts if start is not None]


def waits_of(job: Job) -> list[dict[str, Any]]:
    """What the job waits for and what will wake it; `page` names where that can be done or seen."""
    return [
        {**entry, "step": step_name(entry["node"]), "words": wait_words(entry), "page": _page(job, entry)}
        for entry in json.loads(job.parked_on)
    ]


def _page(job: Job, entry: Mapping[str, Any]) -> tuple[str, str] | None:
    """The kind of page that belongs to a wait, and of which row."""
    match entry["kind"]:
        case "approval":
            return "aetheris_jobs_approval_change", entry["approval"]
        case "unknown_outcome" | "effect":
            return "aetheris_ledger_invocation_change", entry["name"]
        case "child":
            return "aetheris_jobs_job_change", child_id(str(job.id), entry["node"])
        case "agent":
            return "aetheris_jobs_agentinstance_change", entry["name"]
    return None


def standing_of(job: Job) -> str:
    """What holds the whole job back, where its waits do not say it."""
    if job.phase in ("failing", "cancelling"):
        return (
            f"It is {job.phase}: nothing new starts, and it ends once every open call is settled and what is to be "
            "undone is undone."
        )
    if job.status == "paused":
        return "It is paused: nothing new starts until somebody resumes it."
    return ""


def agenda_of(job: UUID) -> list[dict[str, Any]]:
    """The steps that are ready, running, in back-off or parked, with the worker that holds each."""
    steps = list(Step.objects.filter(job_id=job).order_by("node")[:ROWS])
    names = worker_names(step.worker for step in steps)
    return [
        {
            "step": step,
            "name": step_name(step.node),
            "worker": names.get(step.worker),
            "state": badge(step.state),
            "wake_at": _look(step),
        }
        for step in steps
    ]


def _look(step: Step) -> str:
    """When somebody looks at it again; a ready step is due from the job's first moment."""
    return "at once" if step.state == "ready" else utc(step.wake_at)


def worker_names(ids: Iterable[UUID | None]) -> dict[UUID | None, str]:
    """Names of workers by id, in one query."""
    wanted = {each for each in ids if each is not None}
    return dict(Worker.objects.filter(id__in=wanted).values_list("id", "name"))


def settled_of(job: UUID) -> list[dict[str, Any]]:
    """The steps that settled last: how, when, and at which attempt by which worker."""
    kinds = [*_SETTLED, "node_started"]
    rows = Event.objects.filter(job_id=job, type__in=kinds).order_by("-seq")
    told: list[dict[str, Any]] = [dict(row) for row in rows.values("type", "node", "at", "seq")[: 3 * ROWS]]
    ended: dict[str, dict[str, Any]] = {}
    starts: dict[str, list[int]] = {}
    for row in told:
        if row["type"] in _SETTLED:
            ended.setdefault(
                row["node"], {**row, "badge": badge(_SETTLED[row["type"]]), "at": moment(row["at"])}
            )
        else:
            starts.setdefault(row["node"], []).append(row["seq"])
    shown = list(ended.values())[:ROWS]
    claims = _claims(job, [starts[row["node"]][0] for row in shown if row["node"] in starts])
    names = worker_names(UUID(claim["worker"]) for claim in claims.values())
    for row in shown:
        row["name"] = step_name(row["node"])
        claim = claims.get(row["node"], {})
        row["attempt"] = claim.get("attempt")
        row["worker"] = names.get(UUID(claim["worker"])) if claim else None
    return shown


def _claims(job: UUID, seqs: list[int]) -> dict[str, dict[str, Any]]:
    """What each claim said; the one that was erased says nothing."""
    rows = Event.objects.filter(job_id=job, seq__in=seqs, body__isnull=False).values_list("node", "body")
    return {node: json.loads(body or "{}") for node, body in rows}


def stream_of(job: UUID, before: int | None) -> list[dict[str, Any]]:
    """The newest events below a number (or of all), newest first, each with the beginning of its body."""
    rows = Event.objects.filter(job_id=job)
    if before is not None:
        rows = rows.filter(seq__lt=before)
    begun = rows.order_by("-seq").annotate(start=Beginning("body", BEGUN), size=Size("body"))
    told = begun.values("seq", "type", "node", "at", "start", "size")[:ROWS]
    return [
        {
            **row,
            "at": moment(row["at"]),
            "exact_at": row["at"],
            "name": row["node"] and step_name(row["node"]),
            **_body(dict(row)),
        }
        for row in told
    ]


def _body(row: dict[str, Any]) -> dict[str, Any]:
    """The event in one line, and its body as far as the page shows it."""
    start, size = row["start"], row["size"] or 0
    if start is None:
        return {"brief": "", "body": None}
    body = json.loads(start) if len(start) == size else {}
    fact = Fact(row["type"], row["node"], {} if ASIDE in body else body, row["seq"], row["at"])
    return {"brief": summary(fact), "body": part("body", start, size)}


def ledger_of(job: UUID) -> list[dict[str, Any]]:
    """The job's newest ledger lines."""
    lines = Invocation.objects.filter(job_id=job).defer("args", "result", "error")
    return [
        {
            "line": line,
            "state": badge(line.state),
            "at": utc(line.promised_at),
            "settled": utc(line.settled_at),
        }
        for line in lines.order_by("-promised_at", "-id")[:ROWS]
    ]


def approvals_of(job: UUID) -> list[dict[str, Any]]:
    """The newest questions that the job put to people."""
    asked = Approval.objects.filter(job_id=job).defer("shown", "releases", "votes", "form")
    return [
        {"approval": row, "state": badge(row.state), "at": utc(row.requested_at), "due": utc(row.deadline)}
        for row in asked.order_by("-requested_at", "-id")[:ROWS]
    ]
