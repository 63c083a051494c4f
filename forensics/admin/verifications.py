"""Verifications in the admin: start one, see how far it is and what it found; one job; and what stands broken."""

from __future__ import annotations

from typing import Any, ClassVar
from uuid import UUID

from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.views.decorators.http import require_POST

from jobs.admin.desk import DOORS, Desk, Door, actor_on
from jobs.admin.looking import page_looked
from jobs.admin.shown import badge, short
from jobs.core.errors import Invalid
from jobs.queries.jobs import STATUSES
from ledger.admin import Choice, utc

from .. import inspection, services, tasks
from ..asking import moment
from ..inspection import alarms
from ..models import Alarm, Verification
from ..models.verifying import AT_WORK, STATES
from .access import FORENSICS
from .showing import breaks_shown, by_whom, facts_of, job_url, kind_badge, place_of, scope_words

VERIFY = "aetheris_forensics.verify"
SHOWN = 100


class ScopeForm(forms.Form):
    """Which jobs; nothing filled in is everything."""

    since = forms.CharField(
        required=False,
        max_length=40,
        label="Created since",
        help_text="2026-01-31T00:00:00Z, or so long ago: 24h, 7d.",
    )
    until = forms.CharField(required=False, max_length=40, label="Created before", help_text="Likewise.")
    agent = forms.CharField(required=False, max_length=120)
    status = forms.ChoiceField(required=False, choices=[("", "–"), *((each, each) for each in STATUSES)])

    def scope(self) -> inspection.Scope:
        """What was asked for.

        Raises:
            Invalid: a time is none, or no job can be meant.
        """
        told = {name: value for name, value in self.cleaned_data.items() if value}
        times = {name: moment(told, name) or "" for name in ("since", "until")}
        return inspection.Scope(**{**told, **times}).checked()


class State(Choice):
    """By state; the closed set."""

    title = "state"
    parameter_name = "state"
    column = "state"
    offered = [(each, each) for each in STATES]


class Auditors(Desk):
    """Pages for those who may ask forensic questions."""

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self.has_view_permission(request)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return bool(request.user.has_perm(FORENSICS))


@admin.register(Verification)
class VerificationAdmin(Auditors):
    """The verifications of the tenant, the newest first, those of every night among them."""

    list_title = "Verifications"
    change_list_template = "admin/aetheris/verifications.html"
    list_display = ("begun", "state_shown", "broken_shown", "which", "looked_at", "events_shown", "by")
    list_filter: ClassVar[Any] = (State,)
    ordering = ("-created_at", "-id")

    @admin.display(description="asked for")
    def begun(self, row: Verification) -> str:
        return utc(row.created_at)

    @admin.display(description="state")
    def state_shown(self, row: Verification) -> SafeString:
        return badge(row.state)

    @admin.display(description="which jobs")
    def which(self, row: Verification) -> str:
        return scope_words(row)

    @admin.display(description="jobs")
    def looked_at(self, row: Verification) -> str:
        return f"{row.jobs:,} of {row.total:,}"

    @admin.display(description="events")
    def events_shown(self, row: Verification) -> str:
        return f"{row.events:,}"

    @admin.display(description="broken")
    def broken_shown(self, row: Verification) -> str | SafeString:
        return (
            format_html('<span class="aetheris-badge aetheris-bad">{} broken</span>', row.broken)
            if row.broken
            else "–"
        )

    @admin.display(description="by")
    def by(self, row: Verification) -> str:
        return by_whom(row)

    def get_urls(self) -> list[URLPattern]:
        wrap = self.admin_site.admin_view
        own = [
            path("start/", wrap(self.start_view), name="aetheris_forensics_verification_start"),
            path("job/<uuid:job>/", wrap(self.job_view), name="aetheris_forensics_verification_job"),
            path(
                "<uuid:key>/cancel/",
                wrap(require_POST(self.cancel_view)),
                name="aetheris_forensics_verification_cancel",
            ),
        ]
        return own + super().get_urls()

    @page_looked("view", "admin-verifications", strict=True)
    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        more = {
            "may_verify": request.user.has_perm(VERIFY),
            "standing": alarms.count(actor_on(request).tenant),
        }
        return super().changelist_view(request, {**(extra_context or {}), **more})

    @page_looked("view", "admin-verification", strict=True)
    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        row = self.found(request, object_id)
        after = request.GET.get("after", "")
        breaks = inspection.breakages_of(row)
        if after.isdecimal() and len(after) < 19:
            breaks = breaks.filter(pk__gt=int(after))
        shown = list(breaks[: SHOWN + 1])
        context = {
            "row": row, "state": badge(row.state), "facts": facts_of(row), "breaks": breaks_shown(self, shown[:SHOWN]),
            "more": shown[SHOWN - 1].pk if len(shown) > SHOWN else None, "at_work": row.state in AT_WORK,
            "may_verify": request.user.has_perm(VERIFY),
        }  # fmt: skip
        return self.page(request, "verification.html", f"Verification of {utc(row.created_at)}", **context)

    @transaction.non_atomic_requests
    @page_looked("verify", "admin-verification-start", strict=True)
    def start_view(self, request: HttpRequest) -> HttpResponse:
        """What it will do, which jobs, and then the start."""
        self._must_verify(request)
        form = ScopeForm(request.POST if request.method == "POST" else None)
        if request.method == "POST" and form.is_valid():
            try:
                return HttpResponseRedirect(self._started(request, form.scope()))
            except Invalid as refusal:
                form.add_error(None, self.refusal_words(request, refusal))
        back = self.url("aetheris_forensics_verification_changelist")
        return self.page(request, "verification_start.html", "Verify", form=form, back=back)

    def _started(self, request: HttpRequest, scope: inspection.Scope) -> str:
        actor = actor_on(request)
        row = inspection.ask(actor.tenant, scope, inspection.Asker("admin", actor.id, actor.name))
        tasks.tell_verification(str(row.id))
        return self.url("aetheris_forensics_verification_change", row.id)

    @transaction.non_atomic_requests
    @page_looked("verify", "admin-verification-cancel", strict=True)
    def cancel_view(self, request: HttpRequest, key: UUID) -> HttpResponse:
        """Look at no further job."""
        self._must_verify(request)
        row = self.found(request, str(key))
        self.do(request, lambda: inspection.cancel(row), "Cancelled; what it has found stays.")
        return HttpResponseRedirect(self.url("aetheris_forensics_verification_change", row.id))

    @transaction.non_atomic_requests
    @page_looked("verify", "admin-verify-job", strict=True)
    def job_view(self, request: HttpRequest, job: UUID) -> HttpResponse:
        """One job: what will be looked at, and then the answer."""
        row, context = self.job_of(request, job)
        if request.method == "POST":
            told = services.verify_and_note(row.id)
            context |= {"told": told, "verdict": badge("whole" if told["ok"] else "broken")}
        return self.page(request, "verification_job.html", f"Verify {row.agent}@{row.version}", **context)

    def _must_verify(self, request: HttpRequest) -> None:
        if not request.user.has_perm(VERIFY):
            raise PermissionDenied


class Standing(Choice):
    """Those that stand (at first), or all that there were."""

    title = "alarm"
    parameter_name = "alarm"
    unasked = "Standing"
    offered = (("all", "Also those that have fallen"),)

    def chosen(self, request: HttpRequest, queryset: QuerySet[Alarm], value: str) -> QuerySet[Alarm]:
        return queryset if value else queryset.filter(cleared_at__isnull=True)


@admin.register(Alarm)
class AlarmAdmin(Auditors):
    """Records that stand broken."""

    list_title = "Broken records"
    list_display = ("found_shown", "kind_shown", "job_shown", "message", "place", "seq", "fallen")
    list_display_links = None
    list_filter: ClassVar[Any] = (Standing,)
    ordering = ("-found_at", "-id")

    @page_looked("view", "admin-alarms", strict=True)
    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        return super().changelist_view(request, extra_context)

    @admin.display(description="found")
    def found_shown(self, row: Alarm) -> str:
        return utc(row.found_at)

    @admin.display(description="kind")
    def kind_shown(self, row: Alarm) -> SafeString:
        return kind_badge(row.kind)

    @admin.display(description="job")
    def job_shown(self, row: Alarm) -> str | SafeString:
        url = job_url(self, row)
        name = short(row.job_id)
        return format_html('<a href="{}">{}</a>', url, name) if url else name

    @admin.display(description="place")
    def place(self, row: Alarm) -> str:
        return place_of(row)

    @admin.display(description="found whole")
    def fallen(self, row: Alarm) -> str:
        return utc(row.cleared_at)


DOORS.append(Door("Verify", "aetheris_forensics_verification_job"))
