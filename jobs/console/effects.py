"""Effects whose outcome nobody knows: the inbox, what is known of each, and a person's answer, asked twice before it counts."""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db.models import Q
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse

from jobs import queries, services
from jobs.admin.forms import Resolution
from jobs.admin.looking import page_looked
from jobs.admin.shown import badge, short, step_name
from jobs.admin.unresolved import DONE, reason_of
from jobs.core.errors import Refused
from jobs.core.moments import parse
from jobs.models import Event, Job
from ledger.admin import pretty
from ledger.models import Invocation

from .desk import Page, sentence, when
from .jobs import PAGE, place_of

SETTLERS = 20  # resolutions of one call that are looked through for the last
PROBED = {
    "landed": "The tool says that it landed; the job goes on with its result.",
    "absent": "The tool says that it did not happen, which is proven; it is made again with the same key.",
    "absent?": "The tool knows nothing of it, but it may still be on its way: that proves nothing, and was not recorded.",
    "unknown?": "The tool cannot tell ({}); nothing was recorded.",
}
WORDS = {
    "landed": "The call happened. The job goes on with the result below, and the call is never made again.",
    "absent": "The call certainly did not happen. It is made again, with the same key.",
    "fail": "Nobody can know. The step fails; the book keeps the outcome as given up, and its business key stays held.",
}


class Effects(Page):
    """`/effects`: what has been unknown for longest comes first."""

    def get(self, request: HttpRequest) -> HttpResponse:
        """One page of them."""
        rows = queries.unresolved_of(self.tenant).defer("args", "result").order_by("promised_at", "id")
        if place := place_of(request.GET.get("after", "")):
            at, last = place
            rows = rows.filter(Q(promised_at__gt=at) | Q(promised_at=at, id__gt=last), promised_at__gte=at)
        found = list(rows[: PAGE + 1])
        shown = found[:PAGE]
        context: dict[str, Any] = {
            "rows": [_row(line) for line in shown],
            "more": f"{shown[-1].promised_at:%Y-%m-%dT%H:%M:%S.%fZ}~{shown[-1].id}"
            if len(found) > PAGE
            else "",
            "first": bool(place),
        }
        return self.page("effects.html", "Unresolved effects", **context)


class EffectPage(Page):
    """`/effects/{id}`: one line of the ledger; if nobody knows its outcome, the answer."""

    @page_looked("view", "console-effect")
    def get(self, request: HttpRequest, line: UUID) -> HttpResponse:
        """What is known of it."""
        return self._shown(self._found(line), Resolution())

    def post(self, request: HttpRequest, line: UUID) -> HttpResponse:
        """The answer: first shown again with what it will do, then recorded."""
        row = self._found(line)
        if "resolve" not in self.actor.may:
            raise PermissionDenied("to answer you need the permission “May resolve unknown outcomes”")
        if "probe" in request.POST:
            return self._probed(row)
        form = Resolution(request.POST)
        if not form.is_valid():
            return self._shown(row, form, code=422)
        told = form.cleaned_data
        if request.POST.get("sure") != "yes" and row.state == "unknown":
            return self._asked(row, form)

        def deed() -> None:
            services.resolve(
                row.id, told["verdict"], actor=self.actor, result=told["result"], comment=told["comment"]
            )

        self._answered(row, told["verdict"], deed)
        return HttpResponseRedirect(reverse("aetheris_console:effect", args=(row.id,)))

    def _probed(self, row: Invocation) -> HttpResponse:
        """Have the tool asked, and say what it said."""
        try:
            said = services.probe(row.id, actor=self.actor)
        except Refused as refusal:
            messages.error(self.request, sentence(refusal.message))
        else:
            messages.success(
                self.request, PROBED[said.verdict if said.settled else f"{said.verdict}?"].format(said.reason)
            )
        return HttpResponseRedirect(reverse("aetheris_console:effect", args=(row.id,)))

    def _answered(self, row: Invocation, verdict: str, deed: Any) -> None:
        try:
            deed()
        except Refused as refusal:
            who = _settled(self._found(row.id))
            if who and who["id"] == self.actor.id and who["verdict"] == verdict:  # a double click
                messages.success(self.request, "Your answer is recorded.")
            else:
                late = f" {who['name']} said {who['verdict']} at {who['at_utc']}." if who else ""
                messages.error(self.request, f"{sentence(refusal.message)}{late}")
        else:
            messages.success(self.request, DONE[verdict])

    def _asked(self, row: Invocation, form: Resolution) -> HttpResponse:
        """The page between: what was filled in, as it will stand in the record, and what it does."""
        told = form.cleaned_data
        context: dict[str, Any] = {
            "line": row,
            "short": short(row.job_id),
            "form": form,
            "verdict": told["verdict"],
            "words": WORDS[told["verdict"]],
            "comment": told["comment"],
            "result": json.dumps(told["result"], indent=2, ensure_ascii=False, sort_keys=True),
        }
        return self.page("effect_sure.html", f"Call of {row.tool}: {told['verdict']}", **context)

    def _found(self, line: UUID) -> Invocation:
        row = Invocation.objects.filter(tenant=self.tenant, id=line).first()
        if row is None:
            raise Http404(f"there is no invocation {line} in the ledger")
        return row

    def _shown(self, row: Invocation, form: Resolution, *, code: int = 200) -> HttpResponse:
        reason, evidence = reason_of(row)
        unknown = row.state == "unknown"
        job = Job.objects.filter(pk=row.job_id, tenant=row.tenant).defer("goal", "output", "error").first()
        context: dict[str, Any] = {
            "line": row,
            "job": job,
            "short": short(row.job_id),
            "step": step_name(row.node),
            "state": badge(row.state),
            "unknown": unknown,
            "may": "resolve" in self.actor.may,
            "reason": reason,
            "evidence": evidence,
            "args": pretty(row.args),
            "result": pretty(row.result) if row.result is not None else None,
            "facts": _facts(row),
            "said": None if unknown else _settled(row),
            "form": form,
            "page": self.admin("aetheris_ledger_invocation_change", row.id),
            "commands": commands_of(row) if unknown else [],
        }
        return self.page("effect.html", f"Call of {row.tool}", code=code, **context)


def commands_of(line: Invocation) -> list[tuple[str, str]]:
    """What a terminal takes for each of the three answers."""
    start = f"aetheris resolve {line.id}"
    return [
        ("It landed", f"{start} landed --result '{{}}' --comment 'how you know'"),
        ("It did not happen", f"{start} absent --comment 'how you know'"),
        ("Nobody can know", f"{start} fail --comment 'what you tried'"),
    ]


def _row(line: Invocation) -> dict[str, Any]:
    return {
        "line": line,
        "short": short(line.job_id),
        "step": step_name(line.node),
        "promised": when(line.promised_at),
        "why": reason_of(line)[0],
    }


def _facts(line: Invocation) -> list[tuple[str, Any]]:
    return [
        ("Effect class", line.effect.replace("_", " ")),
        ("Business key", line.business_key or "–"),
        ("Idempotency key", line.idempotency_key),
        ("Attempt", line.attempt),
        ("Promised", when(line.promised_at)),
        ("Had until", when(line.deadline)),
        ("Settled", when(line.settled_at)),
        ("Tool can be asked", "yes, it has a probe" if line.probe else "no, it has no probe"),
        *([("Undoes the call", line.compensates)] if line.compensates else []),
    ]


def _settled(line: Invocation) -> dict[str, Any] | None:
    """Who said last what became of it, when and how they knew; None where nobody had to say it."""
    rows = Event.objects.filter(job_id=line.job_id, seq__gt=line.fence, node=line.node)
    for event in rows.filter(type="outcome_resolved").order_by("-seq")[:SETTLERS]:
        body = json.loads(event.body) if event.body else {}
        if body.get("invocation") == str(line.id):
            by = body.get("by") or {}
            return {
                "id": by.get("id"),
                "name": by.get("name") or by.get("id"),
                "verdict": body.get("verdict"),
                "comment": body.get("comment", ""),
                "at": when(event.at),
                "at_utc": f"{parse(event.at):%Y-%m-%d %H:%M:%S} UTC",
                "seq": event.seq,
            }
    return None
