"""`/api/jobs/{id}/evidence`, `/timeline` and `/reasoning`; `/api/forensics/who`, `/why` and `/followed`: what led to what."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.http import HttpResponse
from django.http.response import HttpResponseBase
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.utils.urls import replace_query_param

from jobs.api.pagination import PAGING
from jobs.api.schemas import PAGING as PAGING_PARAMETERS
from jobs.api.schemas import answers

from .. import services
from ..asking import refuse, uuid, word
from ..evidence.drawing import svg
from . import answers_of_evidence as shapes
from .access import FORENSICS
from .asking import SINCE, UNTIL
from .base import ForensicFace

FORMATS = ("json", "prov", "svg")
PAGE, LARGEST = 10, 20


class EvidenceView(ForensicFace):
    """The evidence graph of a job."""

    action = "view"

    @extend_schema(
        operation_id="evidence_of_job",
        summary="Read the evidence graph of a job",
        parameters=[OpenApiParameter("format", str, enum=list(FORMATS), description="json unless told; prov is W3C PROV-JSON.")],
        responses={
            (200, "application/json"): shapes.GraphAnswer, (200, "image/svg+xml"): OpenApiTypes.STR,
            **answers({}, 404, 409, 422),
        },
    )  # fmt: skip
    def get(self, request: Request, job: UUID) -> HttpResponseBase:
        """What led to what in a job: nodes, and edges from each effect to its causes."""
        self.known("format")
        found, form = self.job(job), word(request.query_params, "format", FORMATS) or "json"
        if form == "prov":
            return HttpResponse("".join(services.prov_of_job(found)), content_type="application/json")
        graph = services.graph_of_job(found)
        if form == "svg":
            return HttpResponse(svg(graph), content_type="image/svg+xml; charset=utf-8")
        return Response(graph)


class TimelineView(ForensicFace):
    """The decision timeline of a job."""

    action = "view"

    @extend_schema(
        operation_id="timeline_of_job",
        summary="Read the decision timeline of a job",
        responses=answers({200: shapes.TimelineAnswer}, 404, 409),
    )
    def get(self, request: Request, job: UUID) -> Response:
        """What was decided and done in a job, by whom, when, on what basis; and the tree plan, step, call."""
        self.known()
        return Response(services.timeline_of(self.job(job)))


class ReasoningView(ForensicFace):
    """The reasoning of a step."""

    action = "view"

    @extend_schema(
        operation_id="reasoning_of_step",
        summary="Read the reasoning of a step",
        responses=answers({200: shapes.ReasoningAnswer}, 404, 409),
    )
    def get(self, request: Request, job: UUID, node: str) -> Response:
        """Goal, state before and after, and what each attempt asked and was answered; what differs between attempts."""
        self.known()
        return Response(services.reasoning_of(self.job(job), node))


class WhoView(ForensicFace):
    """Who had the AI do it."""

    action = "search"
    needs = FORENSICS

    @extend_schema(
        operation_id="who_had_it_done",
        summary="Ask who had an effect done, when and why",
        parameters=[
            OpenApiParameter("key", str, description="Idempotency key or business key."),
            OpenApiParameter("invocation", str, description="Id of the line in the ledger."),
            OpenApiParameter("reference", str, description="A text that the tool returned, such as the id of a refund."),
        ],
        responses=answers({200: shapes.WhoAnswer}, 404, 409, 410, 422),
    )  # fmt: skip
    def get(self, request: Request) -> Response:
        """Of every effect that is meant: who submitted and approved, agent, step, attempt, time, and what it was based on."""
        self.known("key", "invocation", "reference")
        return Response(services.who(self.tenant, request.query_params.dict()))


class WhyView(ForensicFace):
    """Why it was done."""

    action = "search"
    needs = FORENSICS

    @extend_schema(
        operation_id="why_was_it_done",
        summary="Walk back from an effect to its causes",
        parameters=[
            OpenApiParameter("job", OpenApiTypes.UUID, required=True),
            OpenApiParameter("of", str, required=True, description="A node, step, invocation, approval, key, or reference."),
            *PAGING_PARAMETERS,
        ],
        responses=answers({200: shapes.WalkAnswer}, 404, 409, 422),
    )  # fmt: skip
    def get(self, request: Request) -> Response:
        """The part of the job's graph that leads to something; and of other jobs' graphs, the nearest jobs first.

        `across` is paged: its `next` gives the same with the jobs behind. Jobs that are not shown are named with the reason.
        """
        self.known("job", "of", *PAGING)
        given = request.query_params
        job, what = uuid(given, "job"), given.get("of")
        if not job or not what:
            raise refuse("of" if job else "job", "is required")
        limit = self.whole("limit", PAGE, least=1, most=LARGEST)
        row, cursor = self.job(UUID(job)), given.get("cursor")
        told = services.why(row, what, sees=self.sees, cursor=cursor, limit=limit)
        self.also_shown = [job, *(each["job"] for each in told["across"]["results"])]
        return Response({**told, "across": told["across"] | _neighbours(request, told["across"])})


class FollowedView(ForensicFace):
    """What followed."""

    action = "search"
    needs = FORENSICS

    @extend_schema(
        operation_id="what_followed",
        summary="Walk forward from a document, a person or a model",
        parameters=[
            OpenApiParameter("document", str, description="Id of the document, or its digest."),
            OpenApiParameter("person", str, description="Id or name."),
            OpenApiParameter("model", str, description="Name that was asked for, or version that answered."),
            SINCE, UNTIL, *PAGING_PARAMETERS,
        ],
        responses=answers({200: shapes.FollowedPage}, 422),
    )  # fmt: skip
    def get(self, request: Request) -> Response:
        """Across jobs: every call, approval, child and end that came of it, each with how that is known.

        `across` goes on from each job that names it to those in which something came of that.
        """
        self.known("document", "person", "model", "since", "until", *PAGING)
        limit = self.whole("limit", PAGE, least=1, most=LARGEST)
        given = request.query_params
        told = services.followed(self.tenant, given.dict(), given.get("cursor"), limit, sees=self.sees)
        jobs = [each for one in told["results"] for each in (one, *one["across"])]
        self.also_shown = list(
            dict.fromkeys(each["job"] for each in jobs if each.get("state", "shown") == "shown")
        )
        return Response({**told, **_neighbours(request, told)})


def _neighbours(request: Request, page: Mapping[str, Any]) -> dict[str, str | None]:
    """The addresses of the pages beside one; the cursor of the first page is empty."""
    address = request.build_absolute_uri()
    return {
        way: None if page[way] is None else replace_query_param(address, "cursor", page[way])
        for way in ("next", "previous")
    }
