"""The checkpoints of the transparency log in the admin, with their anchors. To be read only."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.html import format_html_join
from django.utils.safestring import SafeString

from jobs.admin.desk import Desk
from jobs.admin.looking import page_looked
from jobs.admin.shown import badge
from ledger.admin import preformatted, utc

from ..models import Anchor, Checkpoint
from .access import FORENSICS

SHOWN = 20


@admin.register(Checkpoint)
class CheckpointAdmin(Desk):
    """Every signed head of the log, the newest first; the log is one for all tenants."""

    list_title = "Checkpoints of the transparency log"
    list_display = ("size", "time", "origin", "key", "root_start", "anchored")
    ordering = ("-size",)
    fields: ClassVar[Any] = ("size", "time", "origin", "key", "root", "note", "anchors")
    readonly_fields: ClassVar[Any] = fields

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return Checkpoint.objects.all()

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self.has_view_permission(request)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return bool(request.user.has_perm(FORENSICS))

    @page_looked("prove", "admin-checkpoints", strict=True)
    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        return super().changelist_view(request, extra_context)

    @page_looked("prove", "admin-checkpoint", strict=True)
    def change_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        return super().change_view(request, *args, **kwargs)

    @admin.display(description="signed", ordering="size")
    def time(self, row: Checkpoint) -> str:
        return utc(row.at)

    @admin.display(description="root")
    def root_start(self, row: Checkpoint) -> str:
        return f"{row.root[:16]}…"

    @admin.display(description="anchored at")
    def anchored(self, row: Checkpoint) -> str:
        places = Anchor.objects.filter(size=row.size, state="done").order_by("target")
        return ", ".join(places.values_list("target", flat=True)[:SHOWN]) or "–"

    @admin.display(description="signed text, to be kept")
    def note(self, row: Checkpoint) -> SafeString:
        return preformatted(row.text)

    @admin.display(description="anchors")
    def anchors(self, row: Checkpoint) -> SafeString | str:
        rows = Anchor.objects.filter(size=row.size).order_by("target")[:SHOWN]
        told = [(each.target, badge(each.state), each.error or each.receipt[:200]) for each in rows]
        return format_html_join("", "<p>{} {} {}</p>", told) or "–"
