"""Unresolved effects: calls of which nobody knows what became, and a person's answer."""

from __future__ import annotations

import json
from typing import Any, ClassVar
from uuid import UUID

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path
from django.views.decorators.http import require_POST

from jobs import services
from ledger.admin import Choice, InvocationAdmin, pretty, utc
from ledger.models import STATES, Invocation

from .desk import Desk, actor_on
from .forms import Resolution
from .shown import badge, short

DONE = {
    "landed": "Recorded: the call landed, and the job goes on with its result.",
    "absent": "Recorded: the call did not happen; it is made again with the same key.",
    "fail": "Recorded: the step fails; the book keeps the outcome as given up.",
}

REASONS = {
    "raised": "the call raised an error",
    "timeout": "no answer in time",
    "worker_dead": "its worker died",
    "handed_back": "its worker handed it back",
    "left_open": "its step ended first",
}


class Standing(Choice):
    """The unresolved (at first), or lines of any other state."""

    title = "state"
    parameter_name = "state"
    unasked = "Unresolved"
    offered = (
        ("any", "All lines of the ledger"),
        *((state, state.replace("_", " ").capitalize()) for state in STATES if state != "unknown"),
    )

    def chosen(
        self, request: HttpRequest, queryset: QuerySet[Invocation], value: str
    ) -> QuerySet[Invocation]:
        return queryset if value == "any" else queryset.filter(state=value or "unknown")


class EffectDesk(Desk, InvocationAdmin):
    """The ledger's lines, with the unresolved first and a verb to resolve them."""

    list_title = "Effects"
    list_display: Any = ("tool", "state_badge", "why", "promised", "job_end", "node", "key_shown")
    list_filter: ClassVar[Any] = (Standing,)

    def get_ordering(self, request: HttpRequest) -> Any:
        """What has been unknown for longest first; of the others, the newest."""
        newest = Standing.parameter_name in request.GET
        return ("-promised_at", "-id") if newest else ("promised_at", "id")

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self.has_view_permission(request)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_view_permission(request, obj) or "resolve" in actor_on(request).may

    @admin.display(description="state")
    def state_badge(self, line: Invocation) -> str:
        return badge(line.state)

    @admin.display(description="job")
    def job_end(self, line: Invocation) -> str:
        return short(line.job_id)

    @admin.display(description="why")
    def why(self, line: Invocation) -> str:
        return reason_of(line)[0] if line.state == "unknown" else "–"

    def get_urls(self) -> list[URLPattern]:
        resolve = self.admin_site.admin_view(require_POST(self.resolve_view))
        own = [path("<uuid:line>/resolve/", resolve, name="aetheris_ledger_invocation_resolve")]
        return own + super().get_urls()

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        return self._show(request, self.found(request, object_id), Resolution())

    @transaction.non_atomic_requests
    def resolve_view(self, request: HttpRequest, line: UUID) -> HttpResponse:
        """Send a person's answer."""
        row, actor = self.found(request, str(line)), actor_on(request)
        if "resolve" not in actor.may:
            raise PermissionDenied
        form = Resolution(request.POST)
        if not form.is_valid():
            return self._show(request, row, form)
        told = form.cleaned_data

        def deed() -> None:
            services.resolve(
                row.id, told["verdict"], actor=actor, result=told["result"], comment=told["comment"]
            )

        self.do(request, deed, DONE[told["verdict"]])
        return HttpResponseRedirect(self.url("aetheris_ledger_invocation_change", row.id))

    def _show(self, request: HttpRequest, line: Invocation, form: Resolution) -> HttpResponse:
        reason, evidence = reason_of(line)
        sees_job = request.user.has_perm("aetheris_jobs.view_job")
        context = {
            "line": line,
            "state": badge(line.state),
            "facts": _facts(line),
            "job_url": self.address("aetheris_jobs_job_change", line.job_id) if sees_job else None,
            "args": pretty(line.args),
            "result": pretty(line.result) if line.result is not None else None,
            "reason": reason,
            "evidence": evidence,
            "unknown": line.state == "unknown",
            "may": "resolve" in actor_on(request).may,
            "form": form,
        }
        return self.page(request, "effect.html", f"Call of {line.tool}", **context)


def reason_of(line: Invocation) -> tuple[str, str | None]:
    """Why nobody knows, in words, and the last evidence as indented JSON."""
    try:
        told = json.loads(line.error) if line.error else {}
    except ValueError:
        return line.error, None
    if not isinstance(told, dict) or "reason" not in told:
        return "", pretty(line.error) if line.error else None
    evidence = told.get("evidence")
    shown = json.dumps(evidence, indent=2, ensure_ascii=False, sort_keys=True) if evidence else None
    reason = str(told["reason"])
    return REASONS.get(reason, reason.replace("_", " ")), shown


def _facts(line: Invocation) -> list[tuple[str, str]]:
    return [
        ("Step", line.node),
        ("Effect class", line.effect.replace("_", " ")),
        ("Idempotency key", line.idempotency_key),
        ("Business key", line.business_key or "–"),
        ("Attempt", str(line.attempt)),
        ("Promised", utc(line.promised_at)),
        ("Had until", utc(line.deadline)),
        ("Settled", utc(line.settled_at)),
        ("Tool can be asked", "yes, it has a probe" if line.probe else "no, it has no probe"),
        ("Invocation", str(line.id)),
        *([("Undoes invocation", str(line.compensates))] if line.compensates else []),
    ]


# The ledger shows its lines; where jobs are installed too, they can be resolved as well.
admin.site.unregister(Invocation)
admin.site.register(Invocation, EffectDesk)
