"""A verb for many jobs at once, with a page between that names them; each job answers for itself."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.contrib.admin import helpers
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse

from jobs.core.errors import Refused
from jobs.models import Job

from .desk import Desk, actor_on
from .shown import badge, short
from .verbs import VERBS, Verb

NAMES = ("pause", "resume", "cancel", "retry")
MOST = 200  # jobs at a time
TOLD = 5  # refusals that are said in full
Action = tuple[Callable[..., Any], str, str]


def actions_for(request: HttpRequest) -> dict[str, Action]:
    """The verbs that this person may ask of many jobs."""
    may = actor_on(request).may
    found = (VERBS[name] for name in NAMES)
    return {
        verb.name: (_action(verb), verb.name, f"{verb.label} the chosen jobs…")
        for verb in found
        if verb.may in may
    }


def _action(verb: Verb) -> Callable[[Desk, HttpRequest, QuerySet[Job]], HttpResponse | None]:
    def asked(desk: Desk, request: HttpRequest, queryset: QuerySet[Job]) -> HttpResponse | None:
        rows = list(queryset.order_by("created_at", "id")[: MOST + 1])
        if len(rows) > MOST:
            messages.error(request, f"At most {MOST} jobs at a time: choose fewer.")
            return None
        form = verb.asks(request.POST) if "sure" in request.POST else verb.asks()
        if "sure" in request.POST and form.is_valid():
            _done(request, verb, rows, form.cleaned_data)
            return None
        jobs = [{"row": row, "short": short(row.id), "status": badge(row.status)} for row in rows]
        context = {"verb": verb, "form": form, "jobs": jobs, "chosen": helpers.ACTION_CHECKBOX_NAME}
        return desk.page(request, "bulk.html", f"{verb.label} {len(rows)} jobs", **context)

    return asked


def _done(request: HttpRequest, verb: Verb, rows: list[Job], told: dict[str, Any]) -> None:
    """Ask each of them; what one refuses does not stop the others."""
    actor, refused = actor_on(request), []
    for row in rows:
        try:
            if not verb.open(row):
                raise Refused(f"job {row.id} is {row.status}: it cannot be asked for {verb.name} any more")
            verb.call(row, actor, told)
        except Refused as refusal:
            refused.append(refusal.message)
    granted = len(rows) - len(refused)
    if granted:
        messages.success(request, f"{verb.label}: asked of {granted} jobs.")
    for message in refused[:TOLD]:
        messages.error(request, message)
    if len(refused) > TOLD:
        messages.error(request, f"{len(refused) - TOLD} more were refused.")
