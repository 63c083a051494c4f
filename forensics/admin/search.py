"""Searching the record in the admin: the form, what was found, kept searches; and the list of anomalies."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.urls import NoReverseMatch, URLPattern, path

from jobs.actors import actor_of
from jobs.admin.desk import actor_on
from jobs.admin.looking import page_looked
from jobs.admin.shown import badge, moment
from jobs.core.errors import Invalid

from .. import search, services
from ..models import SavedSearch
from ..search import saved
from .access import FORENSICS
from .evidence import EvidencePages

SHOWN = 50
_PAGES = {
    "jobs": "aetheris_jobs_job_change",
    "effects": "aetheris_ledger_invocation_change",
    "approvals": "aetheris_jobs_approval_change",
}


class SearchForm(forms.Form):
    """What to search, and every filter; what is left empty is not asked."""

    of = forms.ChoiceField(choices=[(each, each) for each in search.TARGETS], required=False)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in search.FILTERS:
            self.fields[name] = forms.CharField(required=False, max_length=255, label=name.replace("_", " "))


@admin.register(SavedSearch)
class SearchAdmin(EvidencePages):
    """The list is the page that searches."""

    list_title = "Search"

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self.has_view_permission(request)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return bool(request.user.has_perm(FORENSICS))

    def get_urls(self) -> list[URLPattern]:
        wrap = self.admin_site.admin_view
        own = [path("anomalies/", wrap(self.anomalies_view), name="aetheris_forensics_anomalies")]
        return own + super().get_urls()

    @page_looked("search", "admin-search", strict=True)
    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """The form, the rows that it finds, and the searches that are kept."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        given = {
            name: str(value) for name, value in request.GET.items() if value and name not in ("cursor", "q")
        }
        tenant, owner = actor_on(request).tenant, actor_of(request.user).id
        context: dict[str, Any] = {"form": SearchForm(given or None), "asked": bool(given)}
        if given:
            context |= self._found(tenant, given, request.GET.get("cursor"))
        kept = saved.saved_for(tenant, owner).order_by("name", "id")[:SHOWN]
        context["kept"] = [{"row": row, "url": f"?{urlencode(saved.query_of(row))}"} for row in kept]
        return self.page(request, "search.html", "Search the record", **context)

    def _found(self, tenant: str, given: dict[str, str], cursor: str | None) -> dict[str, Any]:
        try:
            told = search.search(tenant, given, cursor, SHOWN)
        except Invalid as refusal:
            return {"refusal": refusal.message}
        pages = {
            way: told[way] and f"?{urlencode({**given, 'cursor': told[way]})}" for way in ("next", "previous")
        }
        rows = [
            {**row, "at": moment(row["at"]), "url": self._page_of(row), "status": row["status"] and badge(row["status"])}
            for row in told["results"]
        ]  # fmt: skip
        return {"rows": rows, "behind": told["behind"], **pages}

    def _page_of(self, row: dict[str, Any]) -> str | None:
        """Where the row itself is shown, if the admin has that page."""
        try:
            if row["of"] == "events":
                return self.url("aetheris_jobs_job_event", row["job"], row["seq"])
            return self.url(_PAGES[row["of"]], row["id"])
        except NoReverseMatch:
            return None

    @page_looked("search", "admin-anomalies", strict=True)
    def anomalies_view(self, request: HttpRequest) -> HttpResponse:
        """What on the record of seven days is worth a look, the worst first."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        told = services.anomalies(actor_on(request).tenant)
        rows = [
            {**row, "at": moment(row["at"]), "badge": badge(row["severity"]),
             "url": row["job"] and self.address("aetheris_jobs_job_change", row["job"])}
            for row in told["results"]
        ]  # fmt: skip
        unknown = [each for each in told["signals"] if each["state"] != "looked"]
        context = {"rows": rows, "unknown": unknown, "since": moment(told["since"])}
        return self.page(request, "anomalies.html", "Anomalies", **context)
