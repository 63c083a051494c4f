"""`/api/jobs`: submit, list, read."""

from __future__ import annotations

from uuid import UUID

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from .. import services
from ..core.errors import Unsupported
from ..queries import forks_of, job_json, jobs_of
from . import schemas
from .acting import Acting
from .filters import ORDERINGS, PARAMETERS, filtered
from .forms import SubmitForm
from .pagination import PAGING, PagesView

IDEMPOTENCY_KEY = schemas.IDEMPOTENCY_KEY
FILTERS = [
    OpenApiParameter("status", {"type": "array", "items": schemas.STATUS}, description="May be given several times."),
    OpenApiParameter("agent", str, description="Exactly this agent."),
    OpenApiParameter("tag", str, description="Jobs that carry this tag."),
    OpenApiParameter("requester", str, description="Id of the user who asked."),
    OpenApiParameter("created_after", {"type": "string", "format": "date-time"}, description="From then on."),
    OpenApiParameter("created_before", {"type": "string", "format": "date-time"}, description="Before then."),
    OpenApiParameter("ordering", str, enum=list(ORDERINGS), description="By creation; the newest first unless told."),
]  # fmt: skip


class JobsView(Acting, PagesView):
    """All jobs of the tenant."""

    @extend_schema(
        operation_id="submit_job",
        summary="Submit a job",
        parameters=[IDEMPOTENCY_KEY],
        request=SubmitForm,
        responses=schemas.answers({202: schemas.JOB}, 413, 422),
    )
    def post(self, request: Request) -> Response:
        """Ask an agent for something. The answer comes as soon as the job is durable; its work follows."""
        wish = self.body(SubmitForm)
        _refuse_unbuilt(wish)
        job_id = services.submit(
            wish["agent"], wish["goal"], actor=self.actor, idempotency_key=self.idempotency_key(),
            tags=tuple(wish["tags"]), priority=wish["priority"], on_failure=wish["on_failure"],
        )  # fmt: skip
        return self.born(job_id)

    @extend_schema(
        operation_id="list_jobs",
        summary="List jobs",
        parameters=[*FILTERS, *schemas.PAGING],
        responses=schemas.answers({200: schemas.page(schemas.JOB)}, 422),
    )
    def get(self, request: Request) -> Response:
        """The tenant's jobs, the newest first."""
        self.known(*PARAMETERS, *PAGING)
        rows, ordering = filtered(jobs_of(self.tenant), request.query_params)
        return self.page(rows, ordering, lambda found: [job_json(each) for each in found])


class JobView(Acting):
    """One job."""

    @extend_schema(
        operation_id="get_job", summary="Read a job", responses=schemas.answers({200: schemas.WHOLE_JOB}, 404)
    )
    def get(self, request: Request, job: UUID) -> Response:
        """How a job stands, what it waits for, and which jobs come from it."""
        row = self.job(job)
        return Response({**job_json(row), "forks": forks_of(row)})


def _refuse_unbuilt(wish: dict[str, object]) -> None:
    given = [name for name in ("queue", "deadline") if wish[name] is not None]
    if given:
        names = ", ".join(f"`{name}`" for name in given)
        errors = [{"loc": [name], "msg": "not supported yet"} for name in given]
        raise Unsupported(f"{names}: not supported yet; leave it out", errors=errors)
