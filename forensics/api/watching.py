"""`/api/forensics/anomalies` and `/api/jobs/{id}/quality`: what is worth a look."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers as s
from rest_framework.request import Request
from rest_framework.response import Response

from jobs.api.schemas import answers
from jobs.api.shapes import text, when

from .. import services
from ..anomalies import KINDS, SEVERITIES
from ..asking import moment, uuid, word
from .access import FORENSICS
from .asking import SINCE
from .base import ForensicFace


class AnomalyAnswer(s.Serializer[Any]):
    """One finding, with its reason in words and its numbers."""

    kind = text()
    severity = text()
    job = s.UUIDField(allow_null=True)
    node = text(allow_blank=True)
    at = when(allow_null=True)
    reason = text()
    facts = s.JSONField()


class SignalAnswer(s.Serializer[Any]):
    """Whether there was something to look at: looked, cut, or unknown."""

    kind = text()
    state = text()
    why = text(allow_blank=True)


class AnomaliesAnswer(s.Serializer[Any]):
    """What was found, the worst first, and what could be looked at."""

    next = s.URLField(allow_null=True)
    previous = s.URLField(allow_null=True)
    since = when(allow_null=True)
    results = AnomalyAnswer(many=True)
    signals = SignalAnswer(many=True)


class PartAnswer(s.Serializer[Any]):
    """One part of a score: a number from 0 to 1, or "unknown"."""

    name = text()
    value = s.JSONField()
    reason = text()


class QualityAnswer(s.Serializer[Any]):
    """How good the ground of a job's decisions is: a number from 0 to 1, or "unknown"."""

    job = s.UUIDField()
    score = s.JSONField()
    parts = PartAnswer(many=True)


class AnomaliesView(ForensicFace):
    """Anomalies."""

    action = "search"
    needs = FORENSICS

    @extend_schema(
        operation_id="list_anomalies",
        summary="List anomalies",
        parameters=[
            SINCE,
            OpenApiParameter("job", str, description="Only this job, which is also verified."),
            OpenApiParameter("kind", str, enum=list(KINDS)),
            OpenApiParameter("severity", str, enum=list(SEVERITIES), description="At least so bad."),
        ],
        responses=answers({200: AnomaliesAnswer}, 404, 422),
    )
    def get(self, request: Request) -> Response:
        """What on the record is worth a look, of seven days unless told; the whole list at once, the worst first."""
        self.known("since", "job", "kind", "severity")
        asked = request.query_params
        job = uuid(asked, "job")
        if job is not None:
            self.job(job)
        kind, least = word(asked, "kind", KINDS), word(asked, "severity", SEVERITIES) or SEVERITIES[0]
        told = services.anomalies(self.tenant, since=moment(asked, "since"), job=job)
        enough = SEVERITIES[SEVERITIES.index(least) :]
        shown = [
            each for each in told["results"] if kind in (None, each["kind"]) and each["severity"] in enough
        ]
        return Response({"next": None, "previous": None, **told, "results": shown})


class QualityView(ForensicFace):
    """The ground of a job's decisions."""

    @extend_schema(
        operation_id="get_decision_quality",
        summary="Read how good the ground of a job's decisions is",
        responses=answers({200: QualityAnswer}, 404),
    )
    def get(self, request: Request, job: UUID) -> Response:
        """A score from what is on record, part by part; a part without a signal is unknown."""
        return Response(services.quality_of(self.job(job).id, self.tenant))
