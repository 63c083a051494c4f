"""The list of jobs: by status, agent or id, page by page behind the last row that was seen."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.db.models import Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse

from jobs import queries
from jobs.admin.job_page import PARTS
from jobs.core.commands import Actor
from jobs.core.errors import Invalid
from jobs.core.moments import parse, text
from jobs.models import Definition, Job
from jobs.queries.jobs import STATUSES

from .desk import Page
from .overview import row_of
from .shelf import SHELVES, Kept, Shelf

PAGE = 50
NAMES = 200  # agents that the filter suggests
LONGEST = 120  # characters of a search's name
FILTERS = ("status", "agent", "id")


class Jobs(Page):
    """`/jobs`."""

    def get(self, request: HttpRequest) -> HttpResponse:
        """One page, the newest first."""
        asked = {name: request.GET.get(name, "").replace("\0", "?").strip() for name in FILTERS}
        rows, wrong = _filtered(queries.jobs_of(self.tenant), asked)
        found = list(behind(rows, request.GET.get("after", ""))[: PAGE + 1])
        shown = found[:PAGE]
        given = {name: value for name, value in asked.items() if value}
        older = urlencode({**given, "after": place(shown[-1])}) if len(found) > PAGE else ""
        agents = Definition.objects.filter(kind="agent").order_by("name").values_list("name", flat=True)
        context: dict[str, Any] = {
            "rows": [row_of(job) for job in shown],
            "asked": asked,
            "statuses": STATUSES,
            "agents": list(agents.distinct()[:NAMES]),
            "older": older,
            "newest": urlencode(given) if request.GET.get("after") else None,
            "filtered": bool(given),
            "kept": [_kept(each, given) for shelf in SHELVES for each in shelf.kept(self.actor)],
            "keeps": bool(SHELVES) and bool(_asked(given)) and not given.get("id"),
            "wrong": wrong,
        }
        return self.page("jobs.html", "Jobs", **context)


class Searches(Page):
    """`/jobs/searches`: keep the search that the list shows, or forget one."""

    def post(self, request: HttpRequest) -> HttpResponse:
        """Do it, and show the list again."""
        if not SHELVES:
            raise Http404("nothing here keeps searches")
        shelf, told = SHELVES[0], request.POST
        given = {name: told[name].strip() for name in FILTERS if told.get(name, "").strip()}
        if "forget" in told:
            self.do(lambda: shelf.forget(self.actor, _uuid(told["forget"])), "The search is forgotten.")
        else:
            name, shared = told.get("name", "").strip(), bool(told.get("shared"))
            self.do(lambda: _keep(shelf, self.actor, name, _asked(given), shared), f"Kept as {name}.")
        return HttpResponseRedirect(f"{reverse('aetheris_console:jobs')}?{urlencode(given)}")


def _keep(shelf: Shelf, actor: Actor, name: str, filters: dict[str, str], shared: bool) -> None:
    if not 0 < len(name) <= LONGEST or not name.isprintable():
        raise Invalid(f"give the search a name of 1 to {LONGEST} characters")
    if not filters:
        raise Invalid("choose a status or an agent first; a search of all jobs needs no name")
    shelf.keep(actor, name, filters, shared)


def _uuid(told: str) -> UUID:
    try:
        return UUID(told)
    except ValueError:
        raise Http404(f"there is no saved search {told[:40]}") from None


def _asked(given: dict[str, str]) -> dict[str, str]:
    """The list's filters as a kept search has them."""
    name, _, version = given.get("agent", "").partition("@")
    found = {"status": given.get("status", ""), "agent": name, "version": version}
    return {key: value for key, value in found.items() if value}


def _kept(search: Kept, given: dict[str, str]) -> dict[str, Any]:
    told = search.filters
    agent = "@".join(each for each in (told.get("agent", ""), told.get("version", "")) if each)
    query = {"status": told.get("status", ""), "agent": agent}
    query = {key: value for key, value in query.items() if value}
    return {"search": search, "query": urlencode(query), "here": query == given}


def _filtered(jobs: QuerySet[Job], asked: dict[str, str]) -> tuple[QuerySet[Job], str]:
    """The jobs that the filters leave, and what is wrong with the filters."""
    rows, wrong = jobs.defer(*PARTS).order_by("-created_at", "-id"), ""
    if asked["status"]:
        rows = rows.filter(status=asked["status"])
    if asked["agent"]:
        name, _, version = asked["agent"].partition("@")
        rows = rows.filter(agent=name, **({"version": version} if version else {}))
    if asked["id"]:
        bounds = id_range(asked["id"])
        wrong = "" if bounds else "An id is given in full, or by its first eight characters or more."
        rows = rows.filter(id__gte=bounds[0], id__lte=bounds[1]) if bounds else rows.none()
    return rows, wrong


def id_range(text: str) -> tuple[UUID, UUID] | None:
    """The ids that begin so; None if none can."""
    digits = text.replace("-", "").lower()
    if not 8 <= len(digits) <= 32 or set(digits) - set("0123456789abcdef"):
        return None
    return UUID(digits.ljust(32, "0")), UUID(digits.ljust(32, "f"))


def place(job: Any) -> str:
    """A row's place in the list."""
    return f"{text(job.created_at)}~{job.id}"


def behind(rows: QuerySet[Job], told: str, column: str = "created_at") -> Any:
    """The rows behind a place; all of them where it is none."""
    found = place_of(told)
    return rows if found is None else _before(rows, column, *found)


def place_of(told: str) -> tuple[datetime, UUID] | None:
    """The place that an address names; None where it names none."""
    at, _, key = told.partition("~")
    try:
        return parse(at), UUID(key)
    except ValueError:
        return None


def _before(rows: QuerySet[Job], column: str, moment: datetime, last: UUID) -> QuerySet[Job]:
    earlier = Q(**{f"{column}__lt": moment}) | Q(**{column: moment, "id__lt": last})
    return rows.filter(earlier, **{f"{column}__lte": moment})
