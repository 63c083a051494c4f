"""Jobs: the list, the page of one job, its events, and the verbs its state allows."""

from __future__ import annotations

import json
from typing import Any, ClassVar
from urllib.parse import urlencode
from uuid import UUID

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path
from django.utils.safestring import SafeString

from jobs import queries, services
from jobs.core.state import ENDED
from jobs.models import Definition, Job
from jobs.queries.holds import Cover, covering
from jobs.tombstones import tombstone_of
from ledger.admin import Choice, utc

from . import bulk, job_page
from .desk import DOORS, Desk, actor_on
from .looking import page_looked
from .narrowing import CreatedFilter, TroubleFilter
from .shown import badge, moment, short, wait_brief, whole
from .verbs import VERBS, Verb, offered

STATUSES = ("pending", "running", "parked", "paused", *sorted(ENDED))


class StatusFilter(Choice):
    """By status; the closed set, not what happens to be in the table."""

    title = "status"
    parameter_name = "status"
    column = "status"
    offered = [(status, status) for status in STATUSES]


class AgentFilter(admin.SimpleListFilter):
    """By agent; the names that workers offer, for a DISTINCT over all jobs would read them all."""

    title = "agent"
    parameter_name = "agent"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        names = (
            Definition.objects.filter(kind="agent").order_by("name").values_list("name", flat=True).distinct()
        )
        return [(name, name) for name in names[:100]]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Job]) -> QuerySet[Job]:
        return queryset.filter(agent=self.value()) if self.value() else queryset


@admin.register(Job)
class JobAdmin(Desk):
    """Every job of the tenant, newest first."""

    list_title = "Jobs"
    list_display = ("short_id", "agent_shown", "status_shown", "waits", "requester_shown", "created")
    list_filter: ClassVar[Any] = (TroubleFilter, StatusFilter, AgentFilter, CreatedFilter)
    search_fields = ("id",)
    search_ids = ("id",)
    search_words = ("agent",)
    search_help_text = "A job's id or an agent's name, in full."
    ordering = ("-created_at", "-id")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Job]:
        return super().get_queryset(request).defer(*job_page.PARTS)

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        return bulk.actions_for(request)

    @transaction.non_atomic_requests
    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        return super().changelist_view(request, extra_context)

    @admin.display(description="job")
    def short_id(self, job: Job) -> str:
        # The beginning of a UUIDv7 is its time: jobs of one hour share it. Its end tells them apart.
        return short(job.id)

    @admin.display(description="agent")
    def agent_shown(self, job: Job) -> str:
        return f"{job.agent}@{job.version}"

    @admin.display(description="status")
    def status_shown(self, job: Job) -> SafeString:
        return badge(job.status)

    @admin.display(description="parked on")
    def waits(self, job: Job) -> str:
        return wait_brief(job.parked_on)

    @admin.display(description="requester")
    def requester_shown(self, job: Job) -> str:
        return job.requester_name or job.requester

    @admin.display(description="created")
    def created(self, job: Job) -> str:
        return utc(job.created_at)

    def get_urls(self) -> list[URLPattern]:
        wrap = self.admin_site.admin_view
        own = [
            path("<uuid:job>/events/<int:seq>/", wrap(self.event_view), name="aetheris_jobs_job_event"),
            path("<uuid:job>/text/<str:name>/", wrap(self.text_view), name="aetheris_jobs_job_text"),
            path("<uuid:job>/do/<str:name>/", wrap(self.verb_view), name="aetheris_jobs_job_verb"),
        ]
        return own + super().get_urls()

    @page_looked("view", "admin-job")
    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        job = self._with_parts(request, object_id)
        before = request.GET.get("before", "")
        stream = job_page.stream_of(job.id, int(before) if before.isdecimal() and len(before) < 19 else None)
        verbs = offered(job, actor_on(request))
        context = {
            "job": job,
            "status": badge(job.status),
            "facts": self._facts(job),
            "waits": [{**wait, "url": self._wait_url(job, wait, verbs)} for wait in job_page.waits_of(job)],
            "standing": job_page.standing_of(job),
            "verbs": verbs,
            "doors": [(door.label, url) for door in DOORS if (url := self.address(door.page, job.id))],
            "parts": job_page.parts_of(job),
            "agenda": job_page.agenda_of(job.id),
            "settled": job_page.settled_of(job.id),
            "ledger": job_page.ledger_of(job.id),
            "approvals": job_page.approvals_of(job.id),
            "stream": stream,
            "older": stream[-1]["seq"] if stream and stream[-1]["seq"] > 1 else None,
            "before": before,
            "rows": job_page.ROWS,
        }
        return self.page(request, "job.html", f"{job.agent}@{job.version}", **context)

    def _with_parts(self, request: HttpRequest, object_id: str) -> Job:
        try:
            key = UUID(object_id)
        except ValueError:
            raise Http404(f"there is no job {object_id}") from None
        job = job_page.with_parts(self.get_queryset(request)).filter(pk=key).first()
        if job is None or not self.has_view_permission(request, job):
            raise Http404(f"there is no job {object_id}")
        return job

    def _wait_url(self, job: Job, wait: dict[str, Any], verbs: list[Verb]) -> str | None:
        """Where what a wait needs can be done or seen."""
        if wait["page"] is not None:
            return self.address(*wait["page"])
        if wait["kind"] in {verb.name for verb in verbs}:
            return (
                self.url("aetheris_jobs_job_verb", job.id, wait["kind"])
                + "?"
                + urlencode({"name": wait["name"]})
            )
        return None

    def _facts(self, job: Job) -> list[tuple[str, str, str | None]]:
        """Label, value and (where there is one) address."""
        change = "aetheris_jobs_job_change"
        facts: list[tuple[str, str, str | None]] = [
            ("Job", str(job.id), None),
            ("Requested by", job.requester_name or job.requester, None),
            ("Created", utc(job.created_at), None),
            ("Last event", utc(job.updated_at), None),
            ("Finished", utc(job.finished_at), None),
            ("Outcome", job.outcome or "–", None),
            ("Priority", str(job.priority) if job.priority else "–", None),
            ("On failure", "compensate" if job.on_failure == "compensate" else "–", None),
            ("Tags", ", ".join(json.loads(job.tags)) or "–", None),
            ("Head", f"{job.head_seq} · {job.head_hash}", None),
            *(self._hold_fact(each) for each in covering(job)),
        ]
        facts = [fact for fact in facts if fact[1] != "–"]
        if job.parent_job:
            words = f"{job.parent_job} at {job.parent_node}"
            facts.append(("Started by job", words, self.url(change, job.parent_job)))
        if job.instance:
            page = self.url("aetheris_jobs_agentinstance_change", job.instance)
            facts.append(("Message to agent instance", str(job.instance), page))
        if job.origin != job.id:
            facts.append(("Goes back to", str(job.origin), self.url(change, job.origin)))
        source = queries.forked_from(job)
        if source is not None:
            words = f"{source['how']} of {source['job']} at event {source['seq']}"
            facts.append(("Comes from", words, self.url(change, source["job"])))
        for fork in queries.forks_of(job):
            words = f"{fork['job']} from event {fork['seq']} ({fork['status']})"
            label = "Retried as" if fork["how"] == "retry" else "Forked as"
            facts.append((label, words, self.url(change, fork["job"])))
        return facts

    def _hold_fact(self, cover: Cover) -> tuple[str, str, str | None]:
        hold, through = cover.hold, f", through job {cover.through}" if cover.through else ""
        case = f"{hold.reference}: " if hold.reference else ""
        return (
            f"Legal hold ({hold.scope}{through})",
            f"{case}{hold.reason}",
            self.url("aetheris_jobs_hold_change", hold.id),
        )

    @page_looked("view", "admin-event")
    def event_view(self, request: HttpRequest, job: UUID, seq: int) -> HttpResponse:
        """One event: every field of its line in the chain, and the whole body."""
        row = self.found(request, str(job))
        events = queries.wire_events(row, after=seq - 1, limit=1, raw=True)
        event = next((each for each in events if each["seq"] == seq), None)
        if event is None:
            raise Http404(f"job {job} has no event {seq}")
        shown = {**event, "at": moment(event["at"]), "exact_at": event["at"]}
        context = {"job": row, "event": shown, "body": whole("body", event["body"])}
        return self.page(request, "event.html", f"Event {seq}: {event['type']}", **context)

    @page_looked("view", "admin-text")
    def text_view(self, request: HttpRequest, job: UUID, name: str) -> HttpResponse:
        """Goal, output, error or what was undone, as it is stored, byte for byte."""
        if name not in job_page.PARTS:
            raise Http404(f"a job has no {name}")
        stored = getattr(self.found(request, str(job)), name)
        return HttpResponse(stored or "null", content_type="text/plain; charset=utf-8")

    @transaction.non_atomic_requests
    def verb_view(self, request: HttpRequest, job: UUID, name: str) -> HttpResponse:
        """The page between a button and its deed: it says what will happen, asks, and then does it."""
        verb, actor = VERBS.get(name), actor_on(request)
        if verb is None:
            raise Http404(f"there is no verb {name}")
        if name == "prune" and tombstone_of(actor.tenant, job):  # a second click
            return HttpResponseRedirect(self._stone_url(request, job))
        row = self.found(request, str(job))
        if verb.may not in actor.may:
            raise PermissionDenied
        first = {each: request.GET[each] for each in ("name",) if each in request.GET}
        first |= {"head": row.head_hash} if name == "prune" else {}
        form = verb.asks(request.POST) if request.method == "POST" else verb.asks(initial=first)
        back = self.url("aetheris_jobs_job_change", row.id)
        if request.method == "POST" and form.is_valid():
            came: list[object] = []
            done = self.do(request, lambda: came.append(verb.call(row, actor, form.cleaned_data)), verb.done)
            following = self.url("aetheris_jobs_job_change", came[0]) if done and verb.leads else back
            if name == "prune" and tombstone_of(actor.tenant, job):
                following = self._stone_url(request, job)
            return HttpResponseRedirect(following)
        context = {"job": row, "verb": verb, "form": form, "back": back, "status": badge(row.status)}
        if name == "prune":
            context["seen"] = services.look(row.id, actor=actor)
        return self.page(request, "verb.html", verb.label, **context)

    def _stone_url(self, request: HttpRequest, job: UUID) -> str:
        """The tombstone's page; for who may not see it, the list of jobs."""
        if request.user.has_perm("aetheris_jobs.view_tombstone"):
            return self.url("aetheris_jobs_tombstone_change", job)
        return self.url("aetheris_jobs_job_changelist")
