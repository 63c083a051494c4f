"""The page of one job: how it stands, what it waits for, its picture, its course, its events, and what may be done."""

from __future__ import annotations

import json
import shlex
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse

from jobs import clock, queries
from jobs.admin import job_page
from jobs.admin.desk import DOORS
from jobs.admin.looking import page_looked
from jobs.admin.shown import badge, short, step_name, wait_words
from jobs.admin.verbs import VERBS, offered
from jobs.core.ids import child_id
from jobs.models import Job

from . import drawing, reading
from .desk import Page, address, is_refresh, live_pass, when

LISTED = 200  # steps in the table below the picture
CLI = {"pause": "pause", "resume": "resume", "cancel": "cancel", "retry": "retry", "confirm": "confirm"}
LOOKS = (
    ("Follow its events", "events {} --follow"),
    ("Its tree and time line", "trace {}"),
    ("Verify its chain", "verify {}"),
    ("Replay its decisions", "replay {}"),
    ("Evidence as one file", "export {} -o job.zip"),
)


class JobPage(Page):
    """`/jobs/{id}`."""

    def get(self, request: HttpRequest, job: UUID) -> HttpResponse:
        """The page; opening it is a look on record, its own refreshes are not looks anew."""
        return self._shown(request, job) if is_refresh(request, job) else self._opened(request, job)

    @page_looked("view", "console-job")
    def _opened(self, request: HttpRequest, job: UUID) -> HttpResponse:
        return self._shown(request, job)

    def _shown(self, request: HttpRequest, job: UUID) -> HttpResponse:
        row = self._with_parts(job)
        told = reading.tell(row)
        before = request.GET.get("before", "")
        stream = job_page.stream_of(row.id, int(before) if before.isdecimal() and len(before) < 19 else None)
        verbs = offered(row, self.actor)
        context: dict[str, Any] = {
            "job": row,
            "short": short(row.id),
            "status": badge(row.status),
            "facts": self._facts(row),
            "standing": job_page.standing_of(row),
            "waits": [
                self._wait(row, wait, {verb.name for verb in verbs}) for wait in json.loads(row.parked_on)
            ],
            "verbs": verbs,
            "parts": job_page.parts_of(row),
            **_pictures(told),
            "ledger": [
                {**each, "at": when(each["line"].promised_at), "settled": when(each["line"].settled_at)}
                for each in job_page.ledger_of(row.id)
            ],
            "approvals": [
                {**each, "at": when(each["approval"].requested_at)} for each in job_page.approvals_of(row.id)
            ],
            "stream": [{**event, "at": when(event["exact_at"])} for event in stream],
            "older": stream[-1]["seq"] if stream and stream[-1]["seq"] > 1 else None,
            "before": before,
            "commands": commands_of(row, {verb.name for verb in verbs}),
            "doors": self._doors(row),
            "live": self._live(row) if not before else None,
        }
        return self.page("job.html", f"{row.agent}@{row.version} {short(row.id)}", **context)

    def _with_parts(self, job: UUID) -> Any:
        row = job_page.with_parts(queries.jobs_of(self.tenant)).filter(id=job).first()
        return row if row is not None else self.job(job)

    def _live(self, row: Job) -> dict[str, str] | None:
        """Where the page hears of news, while there can be any."""
        stream = address("aetheris:stream", row.id)
        if row.finished_at is not None or stream is None:
            return None
        return {"stream": f"{stream}?after={row.head_seq}", "pass": live_pass(self.request, row.id)}

    def _doors(self, row: Job) -> list[tuple[str, str]]:
        pages = [("Admin", self.admin("aetheris_jobs_job_change", row.id))]
        pages += [(door.label, self.admin(door.page, row.id)) for door in DOORS]
        return [(label, url) for label, url in pages if url]

    def _wait(self, row: Job, wait: dict[str, Any], verbs: set[str]) -> dict[str, Any]:
        """What one entry of `parked_on` waits for, until when, and where that can be given."""
        kind, url = wait["kind"], None
        if kind == "approval":
            url = reverse("aetheris_console:approval", args=(wait["approval"],))
        elif kind == "child":
            url = reverse("aetheris_console:job", args=(child_id(str(row.id), wait["node"]),))
        elif kind in ("unknown_outcome", "effect"):
            url = reverse("aetheris_console:effect", args=(wait["name"],))
        elif kind == "agent":
            url = self.admin("aetheris_jobs_agentinstance_change", wait["name"])
        elif kind in verbs:
            url = (
                reverse("aetheris_console:verb", args=(row.id, kind))
                + "?"
                + urlencode({"name": wait["name"]})
            )
        words = wait_words({**wait, "deadline": None})
        due = when(wait["deadline"]) if wait.get("deadline") else ""
        return {"step": step_name(wait["node"]), "words": words, "due": due, "url": url}

    def _facts(self, row: Job) -> list[tuple[str, Any, str | None]]:
        """Label, value and (where there is one) address."""

        def page(job: Any) -> str:
            return reverse("aetheris_console:job", args=(job,))

        facts: list[tuple[str, Any, str | None]] = [
            ("Job", str(row.id), None),
            ("Requested by", row.requester_name or row.requester, None),
            ("Created", when(row.created_at), None),
            ("Last event", when(row.updated_at), None),
        ]
        optional: list[tuple[str, Any, str | None]] = [
            ("Finished", when(row.finished_at) if row.finished_at else "", None),
            ("Outcome", row.outcome, None),
            ("Priority", row.priority or "", None),
            ("On failure", "compensate" if row.on_failure == "compensate" else "", None),
            ("Tags", ", ".join(json.loads(row.tags)), None),
            ("Started by job", row.parent_job or "", page(row.parent_job) if row.parent_job else None),
        ]
        source = queries.forked_from(row)
        if source is not None:
            words = f"{source['how']} of {short(source['job'])} at event {source['seq']}"
            optional.append(("Comes from", words, page(source["job"])))
        for fork in queries.forks_of(row):
            words = f"{short(fork['job'])} from event {fork['seq']} ({fork['status']})"
            optional.append(
                ("Retried as" if fork["how"] == "retry" else "Forked as", words, page(fork["job"]))
            )
        return [
            *facts,
            *(each for each in optional if each[1]),
            ("Head", f"{row.head_seq} · {row.head_hash}", None),
        ]


def _pictures(told: reading.Told) -> dict[str, Any]:
    """The two pictures, and the steps as a list for those to whom a picture says less."""
    listed = reading.listed(told, told.steps[:LISTED])
    return {
        "graph": drawing.graph(told),
        "timeline": drawing.timeline(told, clock.now()),
        "legend": drawing.legend(told),
        "steps": [{**each, "badge": badge(each["way"].state)} for each in listed],
        "more_steps": max(len(told.steps) - LISTED, 0),
        "cut": told.cut,
    }


def commands_of(job: Job, verbs: set[str]) -> list[tuple[str, str]]:
    """What a terminal takes for everything that the page offers, and to look closer."""
    found = [(VERBS[name].label, f"aetheris {CLI[name]} {job.id}") for name in CLI if name in verbs]
    for wait in json.loads(job.parked_on):
        name = shlex.quote(str(wait.get("name") or ""))
        if wait["kind"] in ("signal", "message") and wait["kind"] in verbs:
            found.append((f"Send {name}", f"aetheris {wait['kind']} {job.id} {name} --payload null"))
        elif wait["kind"] == "approval":
            found.append(("Approve", f"aetheris approve {wait['approval']}"))
        elif wait["kind"] == "unknown_outcome":
            found.append(("Resolve", f"aetheris resolve {name} landed|absent|fail --comment 'how you know'"))
    return [*found, *((label, "aetheris " + command.format(job.id)) for label, command in LOOKS)]


class VerbPage(Page):
    """`/jobs/{id}/do/{verb}`: between a button and its deed. It says what will happen, asks, and then does it."""

    def get(self, request: HttpRequest, job: UUID, name: str) -> HttpResponse:
        """The question."""
        verb = self._verb(name)
        first = {"name": request.GET["name"]} if "name" in request.GET else {}
        return self._asked(self.job(job), name, verb.asks(initial=first))

    def post(self, request: HttpRequest, job: UUID, name: str) -> HttpResponse:
        """The deed."""
        row, verb = self.job(job), self._verb(name)
        form = verb.asks(request.POST)
        if not form.is_valid():
            return self._asked(row, name, form)
        came: list[Any] = []
        done = self.do(lambda: came.append(verb.call(row, self.actor, form.cleaned_data)), verb.done)
        following = came[0] if done and verb.leads else row.id
        return HttpResponseRedirect(reverse("aetheris_console:job", args=(following,)))

    def _verb(self, name: str) -> Any:
        verb = VERBS.get(name)
        if verb is None:
            raise Http404(f"there is no verb {name}")
        if verb.may not in self.actor.may:
            raise PermissionDenied
        return verb

    def _asked(self, row: Job, name: str, form: Any) -> HttpResponse:
        context: dict[str, Any] = {
            "job": row,
            "short": short(row.id),
            "verb": VERBS[name],
            "form": form,
            "status": badge(row.status),
        }
        return self.page("verb.html", VERBS[name].label, **context)


class EventPage(Page):
    """`/jobs/{id}/events/{seq}`: one event, every field of its line in the chain, and the whole body."""

    @page_looked("view", "console-event")
    def get(self, request: HttpRequest, job: UUID, seq: int) -> HttpResponse:
        """The event."""
        row = self.job(job)
        event = next(iter(queries.wire_events(row, after=seq - 1, limit=1)), None)
        if event is None or event["seq"] != seq:
            raise Http404(f"job {job} has no event {seq}")
        body = "" if event["body"] is None else json.dumps(event["body"], indent=2, ensure_ascii=False)
        context: dict[str, Any] = {
            "job": row,
            "short": short(row.id),
            "event": event,
            "at": when(event["at"]),
            "body": body,
        }
        return self.page("event.html", f"Event {seq}: {event['type']}", **context)


class TextPage(Page):
    """`/jobs/{id}/text/{name}`: goal, output or error as it is stored, byte for byte."""

    @page_looked("view", "console-text")
    def get(self, request: HttpRequest, job: UUID, name: str) -> HttpResponse:
        """The text."""
        if name not in job_page.PARTS:
            raise Http404(f"a job has no {name}")
        stored = getattr(self.job(job), name)
        return HttpResponse(stored or "null", content_type="text/plain; charset=utf-8")
