"""Approvals: what waits for this person, exactly what is asked, and the answer."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse

from jobs import queries, services
from jobs.admin import asking
from jobs.admin.forms import Decision, Delegation
from jobs.admin.looking import page_looked
from jobs.admin.shown import CLIP, badge, part, short
from jobs.core.errors import NotAllowed, NotFound, Refused
from jobs.models import Approval, Definition, Job
from jobs.queries.inbox import by_deadline, nearest
from ledger.admin import pretty

from .desk import Page, askers, sentence, when
from .jobs import PAGE, behind

BOXES = (("mine", "For me to decide"), ("open", "All open"), ("closed", "Closed"))


class Approvals(Page):
    """`/approvals`."""

    def get(self, request: HttpRequest) -> HttpResponse:
        """The inbox: the nearest deadline first where something is to be decided, else the newest question."""
        box = request.GET.get("box", "mine")
        rows: Any = queries.approvals_of(self.tenant).defer("shown", "releases", "form")
        if box == "closed":
            rows = rows.filter(decided_at__isnull=False).order_by("-decided_at", "-id")
            found = list(behind(rows, request.GET.get("after", ""), "decided_at")[: PAGE + 1])
        else:
            box = "open" if box == "open" else "mine"
            if box == "open":
                found = by_deadline(rows.filter(state="open"), PAGE + 1)
            else:
                found = nearest(self.actor, PAGE + 1)
        last = found[PAGE - 1] if len(found) > PAGE else None
        context: dict[str, Any] = {
            "rows": _rows(found[:PAGE]),
            "box": box,
            "boxes": BOXES,
            "more": last is not None,
            "older": f"{last.decided_at:%Y-%m-%dT%H:%M:%S.%fZ}~{last.id}" if last and box == "closed" else "",
            "page": PAGE,
        }
        return self.page("approvals.html", "Approvals", **context)


def _rows(approvals: list[Approval]) -> list[dict[str, Any]]:
    asked = askers(approvals)
    return [{**_row(each), **asked.get(each.job_id, {})} for each in approvals]


def _row(approval: Approval) -> dict[str, Any]:
    given = sum(vote["decision"] == "approve" for vote in json.loads(approval.votes))
    return {
        "row": approval,
        "state": badge(approval.state),
        "job": short(approval.job_id),
        "due": when(approval.deadline),
        "asked_at": when(approval.requested_at),
        "asks": ", ".join([*json.loads(approval.groups), *json.loads(approval.users)]),
        "given": given,
    }


class ApprovalPage(Page):
    """`/approvals/{id}`: the question, what was shown, what an answer releases; and the answer."""

    def get(self, request: HttpRequest, approval: UUID) -> HttpResponse:
        """The question."""
        return self._shown(self._found(approval), None)

    @page_looked("decide", "console-decide", of_job=False)
    def post(self, request: HttpRequest, approval: UUID) -> HttpResponse:
        """The answer, with the digest of what the page had shown."""
        row = self._found(approval)
        if "delegate" in request.POST:
            return self._delegated(row)
        form = Decision(json.loads(row.form), request.POST)
        if not form.is_valid():
            return self._shown(row, form, code=422)
        told = form.cleaned_data

        def deed() -> None:
            services.decide(
                row.id, told["decision"], digest=told["digest"], actor=self.actor,
                comment=told["comment"], form=form.filled(),
            )  # fmt: skip

        done = "approved" if told["decision"] == "approve" else "rejected"
        return self._done(row, deed, told["decision"], f"Your decision is recorded: {done}.")

    def _delegated(self, row: Approval) -> HttpResponse:
        """This person's vote goes to somebody else."""
        form = Delegation(self.request.POST)
        if not form.is_valid():
            return self._shown(row, None, form, code=422)
        told = form.cleaned_data

        def deed() -> None:
            services.delegate(
                row.id, told["to"], digest=told["digest"], actor=self.actor, comment=told["comment"]
            )

        return self._done(row, deed, "delegate", f"Your vote is {told['to']}'s now.")

    def _done(self, row: Approval, deed: Callable[[], None], decision: str, done: str) -> HttpResponse:
        """Call the verb, say what came of it, and show the approval as it is then."""
        try:
            deed()
        except NotFound as refusal:
            raise Http404(refusal.message) from refusal
        except Refused as refusal:
            if self._already(row, decision):  # a double click: the first one counted
                messages.success(self.request, "Your decision is recorded.")
            else:
                messages.error(self.request, self._refused(row, refusal))
                if isinstance(refusal, NotAllowed):
                    return self._shown(self._found(row.id), None, code=403)
        else:
            messages.success(self.request, done)
        return HttpResponseRedirect(reverse("aetheris_console:approval", args=(row.id,)))

    def _found(self, approval: UUID) -> Approval:
        try:
            return queries.approvals_of(self.tenant).get(id=approval)
        except Approval.DoesNotExist:
            raise Http404(f"there is no approval {approval}") from None

    def _already(self, row: Approval, decision: str) -> bool:
        votes = json.loads(self._found(row.id).votes)
        mine = [vote for vote in votes if (vote.get("actor") or {}).get("id") == self.actor.id]
        return any(vote["decision"] == decision for vote in mine)

    def _refused(self, row: Approval, refusal: Refused) -> str:
        """What was refused and why; of a decision that came too late also who decided, and when."""
        now = self._found(row.id)
        votes = asking.votes_of(queries.approval_json(now, self.actor), now)
        return f"{sentence(refusal.message)} {asking.how_it_ended(votes)}".strip()

    def _shown(
        self, approval: Approval, form: Decision | None, handing: Delegation | None = None, *, code: int = 200
    ) -> HttpResponse:
        jobs = Job.objects.filter(pk=approval.job_id, tenant=approval.tenant)
        job = jobs.defer("output", "error").first()
        told = queries.approval_json(approval, self.actor)
        votes = asking.votes_of(told, approval)
        releases = json.loads(approval.releases)
        context: dict[str, Any] = {
            "approval": approval,
            "state": badge(approval.state),
            "job": job,
            "purpose": _purpose(job) if job else "",
            "goal": part("goal", job.goal[:CLIP], len(job.goal)) if job else None,
            "short": short(approval.job_id),
            "shown": pretty(approval.shown),
            "attachments": told["attachments"],
            "releases": [{**each, "args": _indented(each["args"])} for each in releases],
            "asks": ", ".join(
                [*told["groups"], *told["users"], *(f"{each} (delegate)" for each in told["delegates"])]
            ),
            "due": when(approval.deadline),
            "requested": when(approval.requested_at),
            "votes": [
                {"cast": vote, "at": when(each["at"])}
                for vote, each in zip(votes, told["votes"], strict=True)
            ],
            "ended": asking.how_it_ended(votes),
            "why_not": told["why_not"],
            "delegation": handing or Delegation(initial={"digest": approval.digest}),
            "handing": handing is not None,
            "form": form or Decision(json.loads(approval.form), initial={"digest": approval.digest}),
        }
        return self.page("approval.html", "Approval", code=code, **context)


def _purpose(job: Job) -> str:
    """What the agent says that it is for."""
    rows = Definition.objects.filter(kind="agent", name=job.agent, version=job.version)
    return rows.values_list("description", flat=True).first() or ""


def _indented(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False, sort_keys=True)
