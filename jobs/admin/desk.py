"""What every page here shares: the tenant's rows only, the way around, and how a verb is called."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar
from uuid import UUID

from django.contrib import messages
from django.contrib.admin import ShowFacets
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import NoReverseMatch, reverse
from django.utils.functional import cached_property

from jobs.actors import actor_of
from jobs.core.commands import Actor
from jobs.core.errors import NotFound, Refused
from jobs.models import Job
from jobs.queries.jobs import job_for
from ledger.admin import Record

from .shown import badge

if TYPE_CHECKING:
    _Paginator = Paginator[Any]
else:
    _Paginator = Paginator

COUNT_LIMIT = 1_000  # rows that a list counts and leafs through; filters and the search lead further
_ROOMS = (
    ("Jobs", "aetheris_jobs_job"),
    ("Agent instances", "aetheris_jobs_agentinstance"),
    ("Approvals", "aetheris_jobs_approval"),
    ("Unresolved effects", "aetheris_ledger_invocation"),
    ("Workers", "aetheris_jobs_worker"),
    ("Definitions", "aetheris_jobs_definition"),
    ("Deliveries", "aetheris_jobs_delivery"),
    ("Tokens", "aetheris_jobs_token"),
    ("Webhooks", "aetheris_jobs_webhook"),
    ("Legal holds", "aetheris_jobs_hold"),
    ("Tombstones", "aetheris_jobs_tombstone"),
    ("Search", "aetheris_forensics_savedsearch"),
    ("Verifications", "aetheris_forensics_verification"),
    ("Broken records", "aetheris_forensics_alarm"),
    ("Access log", "aetheris_forensics_access"),
    ("Checkpoints", "aetheris_forensics_checkpoint"),
)


@dataclass(frozen=True)
class Door:
    """A page about one job that an app above this one has: its name on the button, and that of its address."""

    label: str
    page: str


DOORS: list[Door] = []  # they add themselves


class BoundedPaginator(_Paginator):
    """Counts no further than a person leafs: the cost of a page does not grow with the table."""

    @cached_property
    def count(self) -> int:
        begun: Any = self.object_list[:COUNT_LIMIT]
        return int(begun.count())


def actor_on(request: HttpRequest) -> Actor:
    """Who looks at the page, by value; worked out once in a request."""
    known: Actor | None = getattr(request, "_aetheris_actor", None)
    if known is None:
        known = actor_of(request.user)
        request._aetheris_actor = known  # type: ignore[attr-defined]
    return known


class Desk(Record):
    """A read-only admin whose rows are those of the user's tenant."""

    list_per_page = 50
    show_full_result_count = False
    show_facets = ShowFacets.NEVER  # counting every choice of every filter reads the table
    paginator = BoundedPaginator
    change_list_template = "admin/aetheris/change_list.html"
    change_form_template = "admin/aetheris/change_form.html"
    list_title = ""

    class Media:
        css: ClassVar = {"all": ("aetheris/admin.css",)}

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).filter(tenant=actor_on(request).tenant)

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        title = self.list_title or str(self.opts.verbose_name_plural).capitalize()
        context = {"title": title, "rooms": self.rooms(request), **(extra_context or {})}
        return super().changelist_view(request, context)

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        self.found(request, object_id)
        return super().change_view(request, object_id, form_url, {"rooms": self.rooms(request)})

    def found(self, request: HttpRequest, object_id: str) -> Any:
        """The row, if this user may see it.

        Raises:
            Http404: no such row, another tenant's, or none of the user's business.
        """
        row = self.get_object(request, object_id)
        if row is None or not self.has_view_permission(request, row):
            raise Http404(f"there is no {self.opts.verbose_name} {object_id}")
        return row

    def job_of(self, request: HttpRequest, job: UUID) -> tuple[Job, dict[str, Any]]:
        """A job of the tenant, and what every page about one job says of it.

        Raises:
            PermissionDenied: this user may see no job. Http404: no such job, or another tenant's.
        """
        if not request.user.has_perm("aetheris_jobs.view_job"):
            raise PermissionDenied
        try:
            row = job_for(actor_on(request).tenant, job)
        except NotFound as refusal:
            raise Http404(refusal.message) from refusal
        back = self.url("aetheris_jobs_job_change", row.id)
        return row, {"job": row, "status": badge(row.status), "back": back}

    def page(self, request: HttpRequest, template: str, title: str, **context: Any) -> TemplateResponse:
        """One of our own pages within the admin's frame."""
        request.current_app = self.admin_site.name
        frame = self.admin_site.each_context(request)
        own = {"opts": self.opts, "title": title, "rooms": self.rooms(request), "media": self.media}
        return TemplateResponse(request, f"admin/aetheris/{template}", {**frame, **own, **context})

    def rooms(self, request: HttpRequest) -> list[dict[str, Any]]:
        """The way around: the lists that this user may see."""
        here = f"{self.opts.app_label}_{self.opts.model_name}"
        seen = {f"{m._meta.app_label}_{m._meta.model_name}": a for m, a in self.admin_site._registry.items()}
        return [
            {"name": name, "url": self.url(f"{key}_changelist"), "here": key == here}
            for name, key in _ROOMS
            if key in seen and seen[key].has_view_permission(request)
        ]

    def url(self, name: str, *args: object) -> str:
        """The address of an admin page by its short name."""
        return reverse(f"admin:{name}", args=args, current_app=self.admin_site.name)

    def address(self, name: str, *args: object) -> str | None:
        """The address of an admin page that may not be there."""
        try:
            return self.url(name, *args)
        except NoReverseMatch:
            return None

    def do(self, request: HttpRequest, deed: Callable[[], object], done: str) -> bool:
        """Call one verb and tell the user what came of it.

        Args:
            deed: the call.
            done: what to say if it was granted.

        Returns:
            Whether it was granted.

        Raises:
            Http404: the verb found nothing of that id in this tenant.
        """
        try:
            deed()
        except NotFound as refusal:
            raise Http404(refusal.message) from refusal
        except Refused as refusal:
            messages.error(request, self.refusal_words(request, refusal))
            return False
        messages.success(request, done)
        return True

    def refusal_words(self, request: HttpRequest, refusal: Refused) -> str:
        """A refusal as one message: the sentence, and what is wrong with which field."""
        return " ".join([_sentence(refusal.message), *_field_words(refusal.errors)])


def _sentence(text: str) -> str:
    text = text[:1].upper() + text[1:]
    return text if text.endswith((".", "!", "?")) else f"{text}."


def _field_words(errors: Sequence[dict[str, object]]) -> list[str]:
    words = []
    for error in errors:
        place = error.get("loc") or ()
        where = ".".join(str(step) for step in place) if isinstance(place, (list, tuple)) else str(place)
        words.append(f"{where or 'value'}: {error.get('msg', 'not valid')};")
    return words
