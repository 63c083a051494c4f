"""`/api/jobs/{id}/verify` and `/replay`: is the record whole, and does the code still do what it records."""

from __future__ import annotations

from importlib import import_module
from typing import Any
from uuid import UUID

from django.urls import URLPattern, path
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from jobs.api.base import Face
from jobs.api.forms import NothingForm
from jobs.api.schemas import answers

app_name = "aetheris_forensics"


class FindingAnswer(serializers.Serializer[Any]):
    """What was found; `problem` says where the first break is."""

    ok = serializers.BooleanField()
    problem = serializers.JSONField()


class Finding(Face):
    """A question to the auditor about one job.

    `question`: the function of `forensics.services` that answers it.
    """

    question = ""

    def ask(self, job: UUID) -> Response:
        """Ask it about a job that the caller may see. A broken record is an answer too, not an error."""
        self.body(NothingForm)
        found = self.job(job)
        services = import_module("forensics.services")
        return Response(getattr(services, self.question)(found.id))


class VerifyView(Finding):
    """Verify."""

    question = "verify_job"

    @extend_schema(
        operation_id="verify_job",
        summary="Verify the chain of a job",
        request=None,
        responses=answers({200: FindingAnswer}, 404),
    )
    def post(self, request: Request, job: UUID) -> Response:
        """Recompute every digest and link; repairs nothing, and says where the first break is."""
        return self.ask(job)


class ReplayView(Finding):
    """Replay."""

    question = "replay_job"

    @extend_schema(
        operation_id="replay_job",
        summary="Replay a job against its record",
        request=None,
        responses=answers({200: FindingAnswer}, 404),
    )
    def post(self, request: Request, job: UUID) -> Response:
        """Run planner and workflow code against the recorded answers, without the world, and compare."""
        return self.ask(job)


def _both(route: str, view: type[Finding], name: str) -> list[URLPattern]:
    return [path(route, view.as_view(), name=name), path(f"{route}/", view.as_view(schema=None))]


urlpatterns = [
    *_both("jobs/<uuid:job>/verify", VerifyView, "verify"),
    *_both("jobs/<uuid:job>/replay", ReplayView, "replay"),
]
