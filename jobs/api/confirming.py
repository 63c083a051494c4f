"""`/api/jobs/{id}/confirm`: a job's landed effects held against the world, and a person who accepts what it shows."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework import serializers as s
from rest_framework.request import Request
from rest_framework.response import Response

from .. import services
from ..core.errors import NotFound
from ..services.resolving import line_of
from . import schemas
from .acting import Acting
from .forms import ConfirmForm
from .shapes import text


class SeenAnswer(s.Serializer[Any]):
    """What the world shows of one landed effect; `unknown`: nobody could tell, see `evidence`."""

    invocation = s.UUIDField()
    node = text()
    tool = text()
    on_mismatch = s.ChoiceField(choices=["strict", "park", "warn"], allow_null=True)
    state = s.ChoiceField(choices=["confirmed", "diverged", "accepted", "unknown"])
    evidence = s.JSONField()


class ConfirmedAnswer(s.Serializer[Any]):
    """`ok`: no effect that could be confirmed was found to be gone."""

    ok = s.BooleanField()
    job = s.UUIDField()
    status = text()
    effects = SeenAnswer(many=True)


class ConfirmView(Acting):
    """Confirmation replay."""

    @extend_schema(
        operation_id="confirm_job",
        summary="Confirm landed effects against the world",
        request=ConfirmForm,
        responses=schemas.answers({200: ConfirmedAnswer}, 404, 409, 413, 422),
    )
    def post(self, request: Request, job: UUID) -> Response:
        """Run the confirm functions of the job's tools, in this process, and keep their answers.

        With `accept`, an invocation: ask nothing, and let the job go on although the world does not show that effect.
        """
        self.job(job)
        wish = self.body(ConfirmForm)
        if wish["accept"] is None:
            seen = services.confirm(job, actor=self.actor)
        else:
            seen = [self._accepted(job, wish["accept"], wish["comment"])]
        ok = all(each["state"] != "diverged" for each in seen)
        return Response({"ok": ok, "job": str(job), "status": self.job(job).status, "effects": seen})

    def _accepted(self, job: UUID, invocation: UUID, comment: str) -> dict[str, Any]:
        if line_of(invocation, self.actor).job_id != job:
            raise NotFound(f"job {job} has no invocation {invocation}")
        line = services.accept_divergence(invocation, actor=self.actor, comment=comment)
        return {
            "invocation": str(line.id), "node": line.node, "tool": line.tool, "state": "accepted",
            "on_mismatch": None, "evidence": {"comment": comment},
        }  # fmt: skip
