"""`/api/forensics/query` and `/queries`: search the record, and keep searches."""

from __future__ import annotations

from typing import Any, ClassVar
from uuid import UUID

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers as s
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.utils.urls import replace_query_param

from jobs.api.fields import Form, Text
from jobs.api.pagination import PAGING, PagesView
from jobs.api.schemas import PAGING as PAGING_PARAMETERS
from jobs.api.schemas import Person, answers, page
from jobs.api.shapes import text, when

from .. import search
from ..search import saved
from .access import FORENSICS
from .asking import SINCE, UNTIL
from .base import ForensicFace

WHAT = {
    "type": "Types of event, separated by commas.",
    "tool": "A tool's name; a `*` at its end stands for any ending.",
    "key": "Business key, or for effects also the idempotency key.",
    "text": "Text that stands in the row; needs a window in which it need not look at too many rows.",
    "actor": "Name or id of a person whom the event names.",
    "status": "Status of the job.",
    "state": "State of the effect or of the approval.",
}
PARAMETERS = [
    OpenApiParameter("of", str, enum=list(search.TARGETS), description="What to search: events unless told."),
    SINCE,
    UNTIL,
    *(
        OpenApiParameter(name, str, description=WHAT.get(name, ""))
        for name in search.FILTERS
        if name not in ("since", "until")
    ),
    *PAGING_PARAMETERS,
]


class FoundAnswer(s.Serializer[Any]):
    """One row that was found; `what` is the event's type, the tool, the question, or the agent."""

    of = text()
    id = text()
    job = s.UUIDField()
    agent = text(allow_blank=True)
    version = text(allow_blank=True)
    status = text(allow_blank=True)
    node = text(allow_blank=True)
    seq = s.IntegerField(allow_null=True)
    at = when()
    what = text()
    state = text(allow_blank=True)
    summary = text(allow_blank=True)


class FoundPage(s.Serializer[Any]):
    """A page; `behind` is how many events the index of names does not know yet."""

    next = s.URLField(allow_null=True)
    previous = s.URLField(allow_null=True)
    results = FoundAnswer(many=True)
    behind = s.IntegerField()


class SavedAnswer(s.Serializer[Any]):
    """A saved search."""

    id = s.UUIDField()
    name = text()
    owner = Person()
    shared = s.BooleanField()
    query = s.JSONField()
    created_at = when()
    changed_at = when()


class KeepForm(Form):
    """A search to keep."""

    name = Text(max_length=120)
    query = s.DictField(child=Text(max_length=255), allow_empty=True)
    shared = s.BooleanField(default=False)


class ChangeForm(Form):
    """What to change of a kept search."""

    name = Text(max_length=120, required=False)
    query = s.DictField(child=Text(max_length=255), required=False)
    shared = s.BooleanField(required=False)


class Searching(ForensicFace):
    """A view that answers with a page of a search."""

    action = "search"
    needs = FORENSICS

    def found(self, given: dict[str, str]) -> Response:
        """The page; its neighbours are asked for with the same moments, so that no page slides."""
        limit = self.whole("limit", search.PAGE, least=1, most=search.LARGEST)
        told = search.search(self.tenant, given, self.request.query_params.get("cursor"), limit)
        moments = search.question_of(self.tenant, given)
        address = self.request.build_absolute_uri()
        for name in ("since", "until"):
            if (at := moments.get(name)) and name in self.request.query_params:
                address = replace_query_param(address, name, at)
        pages = {
            way: told[way] and replace_query_param(address, "cursor", told[way])
            for way in ("next", "previous")
        }
        return Response({**told, **pages})


class QueryView(Searching):
    """Search."""

    @extend_schema(
        operation_id="search_record",
        summary="Search the record",
        parameters=PARAMETERS,
        responses=answers({200: FoundPage}, 422),
    )
    def get(self, request: Request) -> Response:
        """Search events, jobs, effects or approvals, the newest first. Every given filter must hold."""
        self.known("of", *search.FILTERS, *PAGING)
        asked = request.query_params
        return self.found({name: asked[name] for name in asked if name not in PAGING})


class QueriesView(ForensicFace, PagesView):
    """Saved searches."""

    needs = FORENSICS
    actions: ClassVar = {"POST": "save"}

    @extend_schema(
        operation_id="list_saved_searches",
        summary="List saved searches",
        parameters=PAGING_PARAMETERS,
        responses=answers({200: page(SavedAnswer)}, 422),
    )
    def get(self, request: Request) -> Response:
        """Your own, and those that others share, by name."""
        self.known(*PAGING)
        rows = saved.saved_for(self.tenant, str(request.user.pk))
        return self.page(rows, ("name", "id"), lambda found: [saved.saved_json(each) for each in found])

    @extend_schema(
        operation_id="save_search",
        summary="Save a search",
        request=KeepForm,
        responses=answers({201: SavedAnswer}, 422),
    )
    def post(self, request: Request) -> Response:
        """Keep a search under a name of your own."""
        wish = self.body(KeepForm)
        owner = (str(request.user.pk), request.user.get_username())
        row = saved.keep(self.tenant, owner, wish["name"], wish["query"], shared=wish["shared"])
        return Response(saved.saved_json(row), status=201)


class SavedView(ForensicFace):
    """One saved search."""

    needs = FORENSICS
    actions: ClassVar = {"PATCH": "save", "DELETE": "forget"}

    @extend_schema(
        operation_id="get_saved_search",
        summary="Read a saved search",
        responses=answers({200: SavedAnswer}, 404),
    )
    def get(self, request: Request, query: UUID) -> Response:
        """The search, not what it finds."""
        return Response(saved.saved_json(saved.saved(self.tenant, str(request.user.pk), query)))

    @extend_schema(
        operation_id="change_saved_search",
        summary="Change a saved search",
        request=ChangeForm,
        responses=answers({200: SavedAnswer}, 404, 422),
    )
    def patch(self, request: Request, query: UUID) -> Response:
        """Change your own search; what is left out stays."""
        row = saved.change(self.tenant, str(request.user.pk), query, **self.body(ChangeForm))
        return Response(saved.saved_json(row))

    @extend_schema(
        operation_id="delete_saved_search",
        summary="Delete a saved search",
        responses=answers({204: None}, 404),
    )
    def delete(self, request: Request, query: UUID) -> Response:
        """Delete your own search."""
        saved.forget(self.tenant, str(request.user.pk), query)
        return Response(status=204)


class RunView(Searching):
    """What a saved search finds."""

    @extend_schema(
        operation_id="run_saved_search",
        summary="Run a saved search",
        parameters=PAGING_PARAMETERS,
        responses=answers({200: FoundPage}, 404, 422),
    )
    def get(self, request: Request, query: UUID) -> Response:
        """Run it as it is kept; relative times count from now."""
        self.known(*PAGING)
        return self.found(saved.query_of(saved.saved(self.tenant, str(request.user.pk), query)))
