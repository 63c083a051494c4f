"""Approvals: what waits for this person, exactly what is asked, and the answer."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, ClassVar
from uuid import UUID

from django.contrib import admin
from django.db import transaction
from django.db.models import F, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path
from django.utils.safestring import SafeString
from django.views.decorators.http import require_POST

from jobs import queries, services
from jobs.core.errors import NotAllowed, Refused
from jobs.models import Approval, Job
from jobs.queries import inbox
from ledger.admin import Choice, pretty, utc

from . import asking
from .desk import Desk, actor_on
from .forms import Decision, Delegation
from .looking import page_looked
from .shown import badge, short


class Inbox(Choice):
    """What waits for me (at first), or the others."""

    title = "inbox"
    parameter_name = "inbox"
    unasked = "For me to decide"
    offered = (("open", "All open"), ("decided", "Closed"), ("all", "All"))

    def chosen(self, request: HttpRequest, queryset: QuerySet[Approval], value: str) -> QuerySet[Approval]:
        match value:
            case "open":
                return queryset.filter(state="open")
            case "decided":
                return queryset.filter(decided_at__isnull=False)
            case "all":
                return queryset
        mine = inbox.nearest(actor_on(request), inbox.LOOKS[0], judged_only=True)
        return queryset.filter(pk__in=[each.pk for each in mine])


@admin.register(Approval)
class ApprovalAdmin(Desk):
    """Questions to people. Whoever is asked may look and answer; seeing the others needs the view permission."""

    list_title = "Approvals"
    list_display = ("question_shown", "state_shown", "due", "job_shown", "node", "asked", "quorum_shown")
    list_filter: ClassVar[Any] = (Inbox,)

    def get_ordering(self, request: HttpRequest) -> Any:
        """The nearest deadline first where something is still to be decided, else the newest question."""
        newest = {"decided": ("-decided_at", "-id"), "all": ("-requested_at", "-id")}
        if chosen := newest.get(request.GET.get(Inbox.parameter_name, "")):
            return chosen
        return (F("deadline").asc(nulls_last=True), "requested_at", "id")

    def has_module_permission(self, request: HttpRequest) -> bool:
        return True

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return True  # of what get_queryset leaves

    def get_queryset(self, request: HttpRequest) -> QuerySet[Approval]:
        rows = super().get_queryset(request)
        if super().has_view_permission(request):
            return rows
        return inbox.asking(rows, actor_on(request))

    @admin.display(description="question")
    def question_shown(self, approval: Approval) -> str:
        return approval.question if len(approval.question) <= 120 else approval.question[:119] + "…"

    @admin.display(description="state")
    def state_shown(self, approval: Approval) -> SafeString:
        return badge(approval.state)

    @admin.display(description="deadline")
    def due(self, approval: Approval) -> str:
        return utc(approval.deadline)

    @admin.display(description="job")
    def job_shown(self, approval: Approval) -> str:
        return short(approval.job_id)

    @admin.display(description="asks")
    def asked(self, approval: Approval) -> str:
        delegates = [f"{name} (delegate)" for name in json.loads(approval.delegates)]
        return ", ".join([*json.loads(approval.groups), *json.loads(approval.users), *delegates])

    @admin.display(description="needed")
    def quorum_shown(self, approval: Approval) -> str:
        given = sum(vote["decision"] == "approve" for vote in json.loads(approval.votes))
        return f"{given} of {approval.quorum}"

    def get_urls(self) -> list[URLPattern]:
        decide = self.admin_site.admin_view(require_POST(self.decide_view))
        delegate = self.admin_site.admin_view(require_POST(self.delegate_view))
        own = [
            path("<uuid:approval>/decide/", decide, name="aetheris_jobs_approval_decide"),
            path("<uuid:approval>/delegate/", delegate, name="aetheris_jobs_approval_delegate"),
        ]
        return own + super().get_urls()

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        approval = self.found(request, object_id)
        return self._show(request, approval, None)

    @transaction.non_atomic_requests
    @page_looked("decide", "admin-decide", of_job=False)
    def decide_view(self, request: HttpRequest, approval: UUID) -> HttpResponse:
        """Send the decision with the digest of what the page had shown."""
        row = self.found(request, str(approval))
        form = Decision(json.loads(row.form), request.POST)
        if not form.is_valid():
            return self._show(request, row, form)
        told = form.cleaned_data

        def deed() -> None:
            services.decide(
                row.id, told["decision"], digest=told["digest"], actor=actor_on(request),
                comment=told["comment"], form=form.filled(),
            )  # fmt: skip

        return self._done(request, row, deed, f"Your decision is recorded: {told['decision']}.")

    @transaction.non_atomic_requests
    @page_looked("decide", "admin-delegate", of_job=False)
    def delegate_view(self, request: HttpRequest, approval: UUID) -> HttpResponse:
        """Hand this person's vote to somebody else, with the digest of what the page had shown."""
        row = self.found(request, str(approval))
        form = Delegation(request.POST)
        if not form.is_valid():
            return self._show(request, row, None, form)
        told = form.cleaned_data

        def deed() -> None:
            services.delegate(
                row.id, told["to"], digest=told["digest"], actor=actor_on(request), comment=told["comment"]
            )

        return self._done(request, row, deed, f"Your vote is {told['to']}'s now.")

    def _done(self, request: HttpRequest, row: Approval, deed: Callable[[], None], done: str) -> HttpResponse:
        """Call the verb and say what came of it; who may not decide hears it with a 403."""
        refused: list[NotAllowed] = []

        def tried() -> None:
            try:
                deed()
            except NotAllowed as refusal:
                refused.append(refusal)
                raise

        self.do(request, tried, done)
        if not refused:
            return HttpResponseRedirect(self.url("aetheris_jobs_approval_change", row.id))
        row.refresh_from_db()
        answer = self._show(request, row, None)
        answer.status_code = 403
        return answer

    def refusal_words(self, request: HttpRequest, refusal: Refused) -> str:
        """A decision that came too late also says who decided, and when."""
        said = super().refusal_words(request, refusal)
        match = request.resolver_match
        row = Approval.objects.filter(pk=match.kwargs["approval"]).first() if match else None
        if row is None:
            return said
        votes = asking.votes_of(queries.approval_json(row, actor_on(request)), row)
        return f"{said} {asking.how_it_ended(votes)}".strip()

    def _show(
        self,
        request: HttpRequest,
        approval: Approval,
        form: Decision | None,
        handing: Delegation | None = None,
    ) -> HttpResponse:
        job = (
            Job.objects.filter(pk=approval.job_id, tenant=approval.tenant)
            .defer("goal", "output", "error")
            .first()
        )
        told = queries.approval_json(approval, actor_on(request))
        votes = asking.votes_of(told, approval)
        jobs_url = "aetheris_jobs_job_change"
        sees_job = request.user.has_perm("aetheris_jobs.view_job")
        context = {
            "approval": approval,
            "state": badge(approval.state),
            "job": job,
            "job_url": self.address(jobs_url, approval.job_id) if sees_job else None,
            "shown": pretty(approval.shown),
            "attachments": told["attachments"],
            "releases": [{**each, "args": _indented(each["args"])} for each in json.loads(approval.releases)],
            "asked": self.asked(approval),
            "due": utc(approval.deadline),
            "requested": utc(approval.requested_at),
            "votes": votes,
            "ended": asking.how_it_ended(votes),
            "why_not": told["why_not"],
            "form": form or Decision(json.loads(approval.form), initial={"digest": approval.digest}),
            "delegation": handing or Delegation(initial={"digest": approval.digest}),
            "handing": handing is not None,
        }
        return self.page(request, "approval.html", "Approval", **context)


def _indented(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False, sort_keys=True)
