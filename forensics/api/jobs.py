"""`/api/jobs/{id}/verify` and `/replay`: is the record whole, and does the code still do what it records."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from jobs.api.fields import Form, Whole
from jobs.api.forms import NothingForm
from jobs.api.schemas import Head, answers
from jobs.core.errors import Illegal
from jobs.core.evolve import BrokenHistory

from .. import services
from .base import ForensicFace


class PendingCall(serializers.Serializer[Any]):
    """A call that was promised and of which nobody knows the end yet."""

    invocation = serializers.UUIDField()
    node = serializers.CharField()
    tool = serializers.CharField()
    idempotency_key = serializers.CharField()
    business_key = serializers.CharField(allow_null=True)
    state = serializers.CharField()


class WitnessedHead(serializers.Serializer[Any]):
    """The last event that the transparency log knows, its leaf, and the size of the first checkpoint over it."""

    seq = serializers.IntegerField()
    leaf = serializers.IntegerField()
    checkpoint = serializers.IntegerField()


class Tail(serializers.Serializer[Any]):
    """Events that no checkpoint covers yet, by their numbers."""

    to = serializers.IntegerField()

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        """`from` is a word of the language, and no name of a class."""
        return {"from": serializers.IntegerField(), **super().get_fields()}


class VerifiedAnswer(serializers.Serializer[Any]):
    """Whether a job's record is whole; `problem` says where the first break is."""

    ok = serializers.BooleanField()
    job = serializers.UUIDField()
    events = serializers.IntegerField()
    head = Head()
    witnessed = WitnessedHead(allow_null=True)
    not_yet_witnessed = Tail(allow_null=True)
    pending = PendingCall(many=True)
    problem = serializers.JSONField()


class CodeSource(serializers.Serializer[Any]):
    """Which code a step ran, and which is here now: digests of the module's text, empty where it is not known."""

    node = serializers.CharField()
    recorded = serializers.CharField(allow_blank=True)
    here = serializers.CharField(allow_blank=True)


class ReplayedAnswer(serializers.Serializer[Any]):
    """Whether the code does what the record says; `problem` says where it first differs."""

    ok = serializers.BooleanField()
    job = serializers.UUIDField()
    steps = serializers.IntegerField()
    calls = serializers.IntegerField()
    digest = serializers.CharField()
    output = serializers.JSONField()
    code = serializers.CharField()
    sources = CodeSource(many=True)
    problem = serializers.JSONField()


class VerifyForm(Form):
    """Which of the job's events; all unless told, and then derived rows and the ledger too."""

    after = Whole(required=False, default=0, min_value=0, help_text="Begin behind this event.")
    until = Whole(required=False, allow_null=True, default=None, min_value=1, help_text="The last event.")


class VerifyView(ForensicFace):
    """Verify."""

    action = "verify"

    @extend_schema(
        operation_id="verify_job",
        summary="Verify the chain of a job",
        request=VerifyForm,
        responses=answers({200: VerifiedAnswer}, 404, 422),
    )
    def post(self, request: Request, job: UUID) -> Response:
        """Recompute every digest and link. A broken record is an answer, not an error; nothing is repaired."""
        told = self.body(VerifyForm)
        return Response(services.verify_and_note(self.job(job).id, told["after"], told["until"]))


class ReplayView(ForensicFace):
    """Replay."""

    action = "replay"

    @extend_schema(
        operation_id="replay_job",
        summary="Replay a job against its record",
        request=None,
        responses=answers({200: ReplayedAnswer}, 404, 409),
    )
    def post(self, request: Request, job: UUID) -> Response:
        """Run planner and workflow code against the recorded answers, without the world, and compare."""
        self.body(NothingForm)
        found = self.job(job)
        try:
            return Response(services.replay_job(found.id))
        except BrokenHistory as error:
            raise Illegal(
                f"the record of job {job} is broken and cannot be replayed; `aetheris verify {job}` says where "
                f"({error})",
                code="broken_record",
            ) from error
