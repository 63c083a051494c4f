"""`/api/jobs/{id}/retry` and `/fork`: a new job from the record of another one."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from .. import services
from . import schemas
from .acting import Acting
from .forms import ForkForm, NothingForm
from .jobs import IDEMPOTENCY_KEY

BORN = schemas.answers({202: schemas.JOB}, 404, 409, 413, 422)


class RetryView(Acting):
    """Retry."""

    @extend_schema(
        operation_id="retry_job", summary="Retry a job", parameters=[IDEMPOTENCY_KEY], request=NothingForm,
        responses=BORN,
    )  # fmt: skip
    def post(self, request: Request, job: UUID) -> Response:
        """Try a failed or cancelled job again, as a new job with the same keys: no landed call is made again."""
        self.job(job)
        self.body(NothingForm)
        return self.born(services.retry(job, actor=self.actor, idempotency_key=self.idempotency_key()))


class ForkView(Acting):
    """Fork."""

    @extend_schema(
        operation_id="fork_job",
        summary="Fork a job",
        parameters=[IDEMPOTENCY_KEY],
        request=ForkForm,
        responses=BORN,
    )
    def post(self, request: Request, job: UUID) -> Response:
        """Start a new job, under keys of its own, from one event of another.

        What landed after that event may happen once more. The refusal `landed_after_cut` lists it in `calls`; send
        exactly those invocations as `confirm`.
        """
        self.job(job)
        wish = self.body(ForkForm)
        more: dict[str, Any] = {"goal": wish["goal"]} if "goal" in wish else {}
        born = services.fork(
            job, wish["at"], confirm=[str(each) for each in wish["confirm"]], actor=self.actor,
            idempotency_key=self.idempotency_key(), **more,
        )  # fmt: skip
        return self.born(born)
