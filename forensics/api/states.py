"""`/api/jobs/{id}/state`: what a job was at any of its events, and what changed since another one."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers as s
from rest_framework.request import Request
from rest_framework.response import Response

from jobs.api.schemas import answers
from jobs.api.shapes import text, when
from jobs.core.errors import Illegal
from jobs.core.evolve import BrokenHistory

from ..travel import change_between, state_at
from .base import ForensicFace

AT = OpenApiParameter("at", int, description="Number of the last event that counts; all unless told.")
FROM = OpenApiParameter("from", int, description="Also what changed since this event.")


class Moment(s.Serializer[Any]):
    """One event, and the digest of the state that it led to."""

    seq = s.IntegerField()
    at = when()
    digest = text()


class Change(s.Serializer[Any]):
    """One difference of two states."""

    path = s.ListField(child=text())
    change = s.ChoiceField(choices=["added", "removed", "changed"])
    before = s.JSONField()
    after = s.JSONField()


class StateAnswer(s.Serializer[Any]):
    """What a job was at one of its events; `digest` is of everything that is on record up to it.

    `from`, `changes` and `more`, the number of changes that are not listed, are there if `from` was asked for.
    """

    job = s.UUIDField()
    head = s.IntegerField()
    seq = s.IntegerField()
    at = when()
    digest = text()
    erased = s.ListField(child=s.IntegerField())
    agent = text()
    version = text()
    status = text()
    phase = text()
    goal = s.JSONField()
    state = s.JSONField()
    parked_on = s.ListField(child=s.JSONField())
    nodes = s.JSONField()
    open = s.JSONField()
    calls = s.JSONField()
    letters = s.JSONField()
    votes = s.JSONField()
    output = s.JSONField()
    outcome = text(allow_blank=True)
    failure = s.JSONField()
    changes = Change(many=True, required=False)
    more = s.IntegerField(required=False)

    def get_fields(self) -> dict[str, Any]:
        """The fields, with the one whose name is a word of the language."""
        return {**super().get_fields(), "from": Moment(required=False)}


class StateView(ForensicFace):
    """The state of a job."""

    action = "view"

    @extend_schema(
        operation_id="state_of_job",
        summary="Read the state of a job at one of its events",
        parameters=[AT, FROM],
        responses=answers({200: StateAnswer}, 404, 409, 422),
    )
    def get(self, request: Request, job: UUID) -> Response:
        """What the job's events up to `at` lead to; with `from`, what changed since that event."""
        self.known("at", "from")
        found = self.job(job)
        given = request.query_params
        at = self.whole("at", 0, least=1) if "at" in given else None
        try:
            if "from" in given:
                return Response(change_between(found, self.whole("from", 0, least=1), at))
            return Response(state_at(found, at))
        except BrokenHistory as error:
            raise Illegal(
                f"the record of job {job} is broken and its state cannot be told; `aetheris verify {job}` says where "
                f"({error})",
                code="broken_record",
            ) from error
