"""Agent instances: how each stands, what it keeps, and the jobs that its messages are. To be read only."""

from __future__ import annotations

import json
from typing import Any, ClassVar

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from jobs.models import AgentInstance, Job
from jobs.queries import instance_json, instances_json
from ledger.admin import Choice, utc

from .desk import Desk
from .job_page import ROWS
from .shown import badge, whole


class LifeFilter(Choice):
    """The living (at first), or all."""

    title = "life"
    parameter_name = "life"
    unasked = "Living"
    offered = (("all", "Also deleted"),)

    def chosen(self, request: HttpRequest, queryset: QuerySet[Any], value: str) -> QuerySet[Any]:
        return queryset if value else queryset.filter(deleted_at__isnull=True)


@admin.register(AgentInstance)
class AgentInstanceAdmin(Desk):
    """One row per instance; its status is that of its current or last job."""

    list_display = ("called", "agent", "status", "queue", "current_shown", "heard", "created")
    list_filter: ClassVar[Any] = (LifeFilter, "agent")
    search_fields = ("=name", "=agent")
    search_ids = ("id",)
    search_help_text = "A name or an agent, or an instance's id, in full."
    list_title = "Agent instances"

    def get_changelist_instance(self, request: HttpRequest) -> Any:
        """The list, with what is said of each row worked out for all of them at once."""
        found = super().get_changelist_instance(request)
        rows = list(found.result_list)
        for row, told in zip(rows, instances_json(rows), strict=True):
            row.told = told
        found.result_list = rows
        return found

    @admin.display(description="instance", ordering="name")
    def called(self, row: AgentInstance) -> str:
        return row.name or str(row.id)

    @admin.display(description="status")
    def status(self, row: Any) -> SafeString:
        return badge(row.told["status"])

    @admin.display(description="in line")
    def queue(self, row: Any) -> int:
        return int(row.told["queue"])

    @admin.display(description="current job")
    def current_shown(self, row: AgentInstance) -> SafeString | str:
        if row.current is None:
            return "–"
        return format_html(
            '<a href="{}">{}</a>', self.url("aetheris_jobs_job_change", row.current), row.current
        )

    @admin.display(description="last message", ordering="heard_at")
    def heard(self, row: AgentInstance) -> str:
        return utc(row.heard_at)

    @admin.display(description="created", ordering="created_at")
    def created(self, row: AgentInstance) -> str:
        return utc(row.created_at)

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        row = self.found(request, object_id)
        told = instance_json(row)
        facts = [
            (
                "Agent",
                f"{row.agent}@{row.version}" if row.version else f"{row.agent}, the version of its time",
            ),
            ("In line", str(told["queue"])),
            ("Turns given", str(row.turn)),
            ("Created", f"{utc(row.created_at)} by {row.created_by}"),
            ("Paused", f"{utc(row.paused_at)} by {row.paused_by}" if row.paused_at else "–"),
            ("Deleted", f"{utc(row.deleted_at)} by {row.deleted_by}" if row.deleted_at else "–"),
            ("Id", str(row.id)),
        ]
        jobs = (
            Job.objects.filter(instance=row.id)
            .order_by("-created_at")
            .defer("goal", "output", "error", "parked_on")
        )
        context = {
            "state": badge(told["status"]), "facts": facts, "kept": whole("State", json.loads(row.state)),
            "jobs": [{"job": job, "badge": badge(job.status), "at": utc(job.created_at)} for job in jobs[:ROWS]],
        }  # fmt: skip
        return self.page(request, "instance.html", row.name or str(row.id), **context)
