"""What happened in a job: events, the live stream, the trace, one step in depth."""

from __future__ import annotations

from uuid import UUID

from django.http import HttpResponse
from django.http.response import HttpResponseBase
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.utils.urls import replace_query_param

from ..models import Job
from ..queries import node_detail, trace, wire_events
from ..queries.jobs import ENDED
from . import reports, schemas
from .base import Face
from .sse import stream_of

PAGE = 100
LARGEST = 1000
AFTER = OpenApiParameter("after", int, description="Only events behind this number.")
LIMIT = OpenApiParameter(
    "limit", int, description=f"How many at most; {PAGE} unless told, {LARGEST} at most."
)
RAW = OpenApiParameter(
    "raw", str, enum=["0", "1"], description="1: also the stored text, byte for byte, as `raw`."
)
LAST_SEEN = OpenApiParameter(
    "Last-Event-ID", int, OpenApiParameter.HEADER, description="Go on behind this number."
)


class EventsView(Face):
    """Events of a job."""

    action = "view"

    @extend_schema(
        operation_id="list_events",
        summary="Read the events of a job",
        parameters=[AFTER, LIMIT, RAW],
        responses=schemas.answers({200: schemas.EVENTS}, 404, 422),
    )
    def get(self, request: Request, job: UUID) -> Response:
        """A job's events in order. `next` is null where, for now, there are no more."""
        self.known("after", "limit", "raw")
        found = self.job(job)
        after, limit = self.whole("after", 0), self.whole("limit", PAGE, least=1, most=LARGEST)
        raw = self.whole("raw", 0, most=1) == 1
        events = wire_events(found, after, limit + 1, raw=raw)
        more = len(events) > limit
        address = request.build_absolute_uri()
        following = replace_query_param(address, "after", events[limit - 1]["seq"]) if more else None
        return Response({"next": following, "results": events[:limit]})


class StreamView(Face):
    """Events of a job as they happen."""

    action = "view"

    @extend_schema(
        operation_id="stream_events",
        summary="Follow the events of a job",
        parameters=[AFTER, LAST_SEEN],
        responses={
            (200, "text/event-stream"): OpenApiTypes.STR,
            204: None,
            **schemas.answers({}, 404, 422),
        },
    )
    def get(self, request: Request, job: UUID) -> HttpResponseBase:
        """Server-sent events: `id` is the event's number, `data` the event. Ends when the job has ended.

        A client that has seen the end already gets 204, which stops a browser from asking again.
        """
        self.known("after")
        found = self.job(job)
        seen = self._seen()
        if found.status in ENDED and seen >= found.head_seq:
            return HttpResponse(status=204)
        return stream_of(found, seen)

    def _seen(self) -> int:
        last = self.request.headers.get("Last-Event-ID", "").strip()
        if last.isascii() and last.isdigit() and len(last) <= 18:
            return int(last)
        return self.whole("after", 0)


class TraceView(Face):
    """The trace of a job."""

    action = "view"

    @extend_schema(
        operation_id="trace_job",
        summary="Trace a job",
        responses=schemas.answers({200: reports.TraceAnswer}, 404),
    )
    def get(self, request: Request, job: UUID) -> Response:
        """The tree of steps and calls, and the timeline."""
        return Response(trace(self.job(job)))


class NodeView(Face):
    """One step, or one call inside it."""

    action = "view"

    @extend_schema(
        operation_id="get_node",
        summary="Read one step",
        responses=schemas.answers({200: reports.NodeAnswer}, 404),
    )
    def get(self, request: Request, job: UUID, node: str) -> Response:
        """A step in depth: attempts, input, output, state before and after, calls, events."""
        found: Job = self.job(job)
        return Response(node_detail(found, node.removesuffix("/")))
