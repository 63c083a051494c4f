"""What an auditor asks about many jobs at once: what is worth a look; and how good the ground of a decision is."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

from jobs import clock
from jobs.core.moments import text
from jobs.models import Event, Job
from ledger.models import Invocation

from .. import inspection
from ..anomalies import KINDS, UNKNOWN, Anomaly, Scope, Signals, found_in, ordered, quality, votes_of
from ..inspection import alarms
from ..models import Mention
from ..search import behind, catch_up
from ..search.mentions import LLM
from .questions import verify_job

WINDOW = timedelta(days=7)
MOST = 200  # broken records that are listed
FRESHEN = 20_000  # events that are read into the index of names first
SURE = ("landed", "recalled", "absent", "not_landed", "not_sent", "failed", "compensated", "abandoned")


def anomalies(tenant: str, *, since: str | None = None, job: str | None = None) -> dict[str, Any]:
    """What on a tenant's record is worth a look, the worst first.

    Args:
        tenant: whose.
        since: event time from which on; seven days ago unless told. Without meaning for one job.
        job: only this job, which is also verified.

    Returns:
        `{since, results, signals}`; of each kind `signals` says whether there was something to look at: `looked`,
        `cut` (only the newest part was read), or `unknown` with the reason.
    """
    catch_up(FRESHEN)
    scope = Scope(tenant, since or text(clock.now() - WINDOW), job)
    found = [*found_in(scope), *(_broken(job) if job else _standing(tenant))]
    return {
        "since": None if job else scope.since,
        "results": [each.to_json() for each in ordered(found)],
        "signals": [_signal(kind, scope) for kind in KINDS],
    }


def _standing(tenant: str) -> list[Anomaly]:
    """Records that verification has found broken, and not whole since."""
    rows = alarms.standing(tenant).order_by("-found_at", "id")[:MOST]
    return [
        Anomaly("broken_chain", "critical", str(row.job_id or ""), "", text(row.found_at),
                f"the record is broken at event {row.seq}: {row.message}",
                {"kind": row.kind, "seq": row.seq, "table": row.table, "row": row.row, "column": row.column})
        for row in rows
    ]  # fmt: skip


def _broken(job: str) -> list[Anomaly]:
    told = verify_job(job)
    if told["ok"]:
        return []
    problem = told["problem"]
    reason = f"the record is broken at event {problem['seq']}: {problem['message']}"
    return [Anomaly("broken_chain", "critical", job, "", "", reason, problem)]


def _signal(kind: str, scope: Scope) -> dict[str, Any]:
    if kind == "broken_chain" and scope.job is None and (why := _unverified(scope)):
        return {"kind": kind, "state": UNKNOWN, "why": why}
    cut = sorted(scope.cut & {kind, *_EVENTS.get(kind, ())})
    if cut:
        return {
            "kind": kind,
            "state": "cut",
            "why": "there was too much to read: only the newest part was looked at",
        }
    if kind == "missing_evidence" and (missing := behind()):
        return {"kind": kind, "state": UNKNOWN, "why": f"{missing} events are not in the index of names yet"}
    return {"kind": kind, "state": "looked", "why": ""}


def _unverified(scope: Scope) -> str:
    """Why it is not known of the whole scope whether records are broken; empty if it is."""
    last = inspection.verified_at(scope.tenant)
    if last is None:
        return "nothing has verified these jobs; ask about one job, or verify everything"
    if text(last) < scope.since:
        return f"everything was last verified at {text(last)}; verify again"
    return ""


_EVENTS = {
    "retry_loop": ("node_retry_scheduled",),
    "fast_approval": ("approval_decided",),
    "rubber_stamp": ("approval_decided",),
    "divergence": ("world_diverged", "node_failed"),
}


def quality_of(job_id: UUID | str, tenant: str) -> dict[str, Any]:
    """How good the ground of one job's decisions is.

    Returns:
        `{job, score, parts}`; see `anomalies.quality`.

    Raises:
        Job.DoesNotExist: there is no such job of the tenant.
    """
    job = Job.objects.get(id=job_id, tenant=tenant)
    return {"job": str(job.id), **quality(_signals(job))}


def _signals(job: Job) -> Signals:
    catch_up(FRESHEN)
    events = Event.objects.filter(job_id=job.id)
    settled = events.filter(type__in=("node_finished", "node_failed")).values_list("node", flat=True)
    retried = events.filter(type="node_retry_scheduled").values_list("node", flat=True)
    steps = set(settled)
    again = {node.partition("/")[0] for node in retried}
    effects = Invocation.objects.filter(job_id=job.id).exclude(effect="pure").exclude(tool=LLM)
    votes = votes_of(Scope(job.tenant, "", str(job.id)))
    return Signals(
        whole=verify_job(job.id)["ok"], effects=effects.count(), uncertain=effects.exclude(state__in=SURE).count(),
        steps=len(steps), retried=len(steps & again), votes=len(votes), unread=sum(vote.unread for vote in votes),
        models=_named(job, "model"), documents=_named(job, "document"),
    )  # fmt: skip


def _named(job: Job, kind: str) -> int:
    return Mention.objects.filter(job_id=job.id, kind=kind).values("value").distinct().count()
