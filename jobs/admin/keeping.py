"""What is kept and what is gone: legal holds, which can be released here, and the tombstones of pruned jobs."""

from __future__ import annotations

import json
from typing import Any, ClassVar

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path
from django.utils.safestring import SafeString

from jobs import services
from jobs.models import Hold, HoldRelease, Tombstone
from ledger.admin import Choice, utc

from .desk import Desk, actor_on
from .forms import Needed
from .looking import page_looked
from .shown import badge, short


class StandingFilter(Choice):
    """The holds that stand (at first), the released, or all."""

    title = "state"
    parameter_name = "state"
    unasked = "Standing"
    offered = (("released", "Released"), ("all", "All"))

    def chosen(self, request: HttpRequest, queryset: QuerySet[Any], value: str) -> QuerySet[Any]:
        return queryset if value == "all" else queryset.filter(released=value == "released")


@admin.register(Hold)
class HoldAdmin(Desk):
    """Legal holds: while one stands, nothing that it covers is erased or pruned."""

    list_title = "Legal holds"
    list_display = ("covers", "state", "reference", "reason_shown", "placed_by_name", "placed")
    list_filter: ClassVar[Any] = (StandingFilter,)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        released = Exists(HoldRelease.objects.filter(hold=OuterRef("id")))
        return super().get_queryset(request).annotate(released=released)

    @admin.display(description="covers")
    def covers(self, hold: Hold) -> str:
        return f"{hold.scope} {hold.value[:120]}"

    @admin.display(description="state")
    def state(self, hold: Any) -> SafeString:
        return badge("released" if hold.released else "standing")

    @admin.display(description="reason")
    def reason_shown(self, hold: Hold) -> str:
        return hold.reason if len(hold.reason) <= 120 else hold.reason[:119] + "…"

    @admin.display(description="placed")
    def placed(self, hold: Hold) -> str:
        return utc(hold.placed_at)

    def get_urls(self) -> list[URLPattern]:
        release = self.admin_site.admin_view(self.release_view)
        own = [path("<uuid:hold>/release/", release, name="aetheris_jobs_hold_release")]
        return own + super().get_urls()

    @page_looked("view", "admin-hold")
    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        hold = self.found(request, object_id)
        ended = HoldRelease.objects.filter(hold=hold.id).first()
        facts = [
            ("Covers", f"{hold.scope} {hold.value}", self._job(hold)),
            ("And", "what comes from it: forks, retries, children, messages", None),
            ("Reference", hold.reference or "–", None),
            ("Reason", hold.reason, None),
            ("Placed", f"{utc(hold.placed_at)} by {hold.placed_by_name}", None),
            ("Hold", str(hold.id), None),
        ]
        if ended is not None:
            facts += [
                ("Released", f"{utc(ended.released_at)} by {ended.released_by_name}", None),
                ("Why released", ended.reason, None),
            ]
        may = ended is None and "hold" in actor_on(request).may
        url = self.url("aetheris_jobs_hold_release", hold.id) if may else None
        return self.page(
            request, "facts.html", "Legal hold", facts=facts, state=self.state(hold), release_url=url
        )

    def _job(self, hold: Hold) -> str | None:
        return self.address("aetheris_jobs_job_change", hold.value) if hold.scope == "job" else None

    @transaction.non_atomic_requests
    def release_view(self, request: HttpRequest, hold: Any) -> HttpResponse:
        """Ask why, then release."""
        row, actor = self.found(request, str(hold)), actor_on(request)
        if "hold" not in actor.may:
            raise PermissionDenied
        form = Needed(request.POST) if request.method == "POST" else Needed()
        back = self.url("aetheris_jobs_hold_change", row.id)
        if request.method == "POST" and form.is_valid():
            why = form.cleaned_data["reason"]
            self.do(
                request, lambda: services.release(row.id, reason=why, actor=actor), "The hold is released."
            )
            return HttpResponseRedirect(back)
        words = f"What it covered ({row.scope} {row.value}) may be erased and pruned again. Hold and release stay on record."
        return self.page(request, "release.html", "Release a legal hold", form=form, back=back, warning=words)


@admin.register(Tombstone)
class TombstoneAdmin(Desk):
    """What is left of jobs that were pruned."""

    list_title = "Tombstones"
    list_display = (
        "job_shown",
        "agent_shown",
        "status_shown",
        "events",
        "pruned",
        "pruned_by_name",
        "policy",
    )
    search_ids = ("job_id",)
    search_fields = ("job_id",)
    search_help_text = "A job's id, in full."

    @admin.display(description="job")
    def job_shown(self, row: Tombstone) -> str:
        return short(row.job_id)

    @admin.display(description="agent")
    def agent_shown(self, row: Tombstone) -> str:
        return f"{row.agent}@{row.version}"

    @admin.display(description="status")
    def status_shown(self, row: Tombstone) -> SafeString:
        return badge(row.status)

    @admin.display(description="pruned")
    def pruned(self, row: Tombstone) -> str:
        return utc(row.pruned_at)

    @page_looked("view", "admin-tombstone")
    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        row = self.found(request, object_id)
        facts: list[tuple[str, str, str | None]] = [
            ("Job", str(row.job_id), None),
            ("Agent", f"{row.agent}@{row.version}", None),
            ("Created", utc(row.created_at), None),
            ("Finished", f"{utc(row.finished_at)}: {row.status}", None),
            ("Pruned", f"{utc(row.pruned_at)} by {row.pruned_by_name}", None),
            ("Why", row.reason, None),
            ("Policy", row.policy or "–", None),
            ("Legal basis", row.basis or "–", None),
            ("Events that went", str(row.events), None),
            ("Head", f"{row.head_seq} · {row.head_hash}", None),
            ("Package", row.archive or "none was kept", None),
            ("SHA-256 of the package", row.archive_sha256 or "–", None),
            ("Signed with", row.key, None),
            ("Signature", row.signature, None),
        ]
        signed = json.dumps(json.loads(row.signed), indent=2, ensure_ascii=False)
        return self.page(
            request, "facts.html", "Tombstone", facts=facts, state=badge(row.status), signed=signed
        )
