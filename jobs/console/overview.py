"""The first page: what waits for me, what needs somebody, what runs, and who does the work."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from jobs import clock, queries
from jobs.admin.job_page import PARTS
from jobs.admin.shown import badge, short, wait_brief
from jobs.core.moments import text
from jobs.core.state import ENDED
from jobs.models import Event, Job
from jobs.queries.inbox import nearest
from jobs.queries.jobs import STATUSES
from ledger.models import Invocation

from .desk import Page, askers, when

FEW = 8  # rows of each kind
COUNTED = 1_000  # further than that nobody needs the number
RATES = (
    ("job_created", "asked for"), ("job_completed", "completed"), ("job_failed", "failed"),
    ("node_finished", "steps done"), ("tool_invocation_finished", "calls made"),
)  # fmt: skip


def bounded(rows: QuerySet[Any]) -> str:
    """How many rows there are, as far as people count."""
    found = rows[: COUNTED + 1].count()  # in the order of an index, or a database may read all that there is
    return f"{COUNTED:,}+" if found > COUNTED else str(found)


class Overview(Page):
    """`/`."""

    def get(self, request: HttpRequest) -> HttpResponse:
        """Everything at a glance; nothing of it is looked at further than a page shows."""
        jobs = queries.jobs_of(self.tenant)
        workers = list(queries.workers_of(alive=True)[: FEW + 1])
        context: dict[str, Any] = {
            "counts": [
                (status, badge(status), bounded(jobs.filter(status=status).order_by("-created_at", "-id")))
                for status in STATUSES
            ],
            "rates": self._rates(),
            "waiting": self._inbox(),
            "stuck": self._stuck(),
            "effects": self._effects(),
            "running": rows_of(jobs.filter(status="running")),
            "parked": rows_of(jobs.filter(status="parked")),
            "failed": rows_of(jobs.filter(status="failed")),
            "workers": queries.workers_json(workers[:FEW], self.tenant),
            "more_workers": len(workers) > FEW,
            "now": when(clock.now()),
            "empty": not jobs.exists(),
        }
        return self.page("overview.html", "Overview", **context)

    def _inbox(self) -> list[dict[str, Any]]:
        found = nearest(self.actor, FEW)
        asked = askers(found)
        return [
            {
                "row": each,
                "due": when(each.deadline),
                "asked": when(each.requested_at),
                "job": short(each.job_id),
                **asked.get(each.job_id, {}),
            }
            for each in found
        ]

    def _stuck(self) -> list[dict[str, Any]]:
        # Unknown outcomes have a table of their own on this page.
        found = [each for each in queries.stuck(self.tenant) if each["cause"] != "unknown_outcome"]
        return [
            {
                **each,
                "advice": with_code(each["advice"][:1].upper() + each["advice"][1:]),
                "short": short(each["job"]) if each["job"] else "",
                "since": when(each["since"]) if each["since"] else "",
                "cause": each["cause"].replace("_", " "),
            }
            for each in found[:FEW]
        ]

    def _effects(self) -> list[dict[str, Any]]:
        lines: QuerySet[Invocation] = queries.unresolved_of(self.tenant).order_by("promised_at")
        return [
            {
                "line": line,
                "promised": when(line.promised_at),
                "job": short(line.job_id),
            }
            for line in lines.defer("args", "result")[:FEW]
        ]

    def _rates(self) -> list[tuple[str, str]]:
        since = text(clock.now() - timedelta(hours=1))
        rows = Event.objects.filter(tenant=self.tenant, at__gte=since)
        return [(words, bounded(rows.filter(type=kind).order_by("at"))) for kind, words in RATES]


def with_code(text: str) -> SafeString:
    """A sentence in which what stands between backticks is to be typed."""
    parts = text.split("`")
    return format_html_join(
        "",
        "{}",
        ((format_html("<code>{}</code>", part) if at % 2 else part,) for at, part in enumerate(parts)),
    )


def rows_of(jobs: QuerySet[Job], most: int = FEW) -> list[dict[str, Any]]:
    """Jobs as rows of a table, the newest first."""
    return [row_of(job) for job in jobs.defer(*PARTS).order_by("-created_at", "-id")[:most]]


def row_of(job: Job) -> dict[str, Any]:
    """One job as a row of a table."""
    took = job.finished_at - job.created_at if job.finished_at and job.status in ENDED else None
    return {
        "job": job,
        "short": short(job.id),
        "status": badge(job.status),
        "waits": wait_brief(job.parked_on),
        "who": job.requester_name or job.requester,
        "created": when(job.created_at),
        "took": took.total_seconds() if took is not None else None,
        "finished": when(job.finished_at),
    }
