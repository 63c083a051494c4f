"""The access log in the admin: who looked at what, when and from where. To be read only."""

from __future__ import annotations

import json
from typing import Any, ClassVar

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.utils.safestring import SafeString

from jobs.admin.desk import Desk
from jobs.admin.looking import page_looked
from jobs.admin.shown import badge, moment, short
from ledger.admin import Choice, preformatted

from ..access import OUTCOMES
from ..models import Access

FORENSICS = "aetheris_forensics.view_forensics"
ACTIONS = ("view", "verify", "replay", "export", "search", "prove", "hold", "release", "erase", "prune")


class Outcome(Choice):
    """By outcome; the closed set."""

    title = "outcome"
    parameter_name = "outcome"
    column = "outcome"
    offered = [(each, each) for each in OUTCOMES]


class Action(Choice):
    """By action."""

    title = "action"
    parameter_name = "action"
    column = "action"
    offered = [(each, each) for each in ACTIONS]


@admin.register(Access)
class AccessAdmin(Desk):
    """Every access of the tenant, the newest first."""

    list_title = "Access log"
    list_display = ("seq", "time", "who", "action", "question", "job_end", "outcome_shown", "whence")
    list_filter: ClassVar[Any] = (Outcome, Action)
    search_fields = ("job_id", "who")
    search_ids = ("job_id",)
    search_words = ("who", "user")
    search_help_text = "A user's name or id, or a job's id, in full."
    ordering = ("-seq",)
    fields: ClassVar[Any] = (
        "seq",
        "time",
        "who",
        "user",
        "action",
        "question",
        "job_id",
        "outcome",
        "told",
        "hash",
        "prev",
    )
    readonly_fields: ClassVar[Any] = fields

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self.has_view_permission(request)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return bool(request.user.has_perm(FORENSICS))

    @page_looked("view", "admin-access", strict=True)
    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        return super().changelist_view(request, extra_context)

    @page_looked("view", "admin-access-entry", strict=True)
    def change_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        return super().change_view(request, *args, **kwargs)

    @admin.display(description="time", ordering="at")
    def time(self, entry: Access) -> str:
        return moment(entry.at)

    @admin.display(description="job")
    def job_end(self, entry: Access) -> str:
        return short(entry.job_id)

    @admin.display(description="outcome")
    def outcome_shown(self, entry: Access) -> SafeString:
        return badge(entry.outcome)

    @admin.display(description="from")
    def whence(self, entry: Access) -> str:
        return str(json.loads(entry.body)["from"]["address"]) or "–"

    @admin.display(description="what was recorded")
    def told(self, entry: Access) -> SafeString:
        return preformatted(entry.body)
