"""`/api/approvals`: what people are asked, and their answers."""

from __future__ import annotations

from uuid import UUID

from django.db.models import QuerySet
from django.http import HttpResponse
from django.utils.http import content_disposition_header
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from .. import services
from ..attachments import content
from ..core.errors import Invalid, NotFound
from ..models import Approval
from ..queries.approvals import STATES, approval_for, approval_json, approvals_json, approvals_of
from ..queries.inbox import undecided
from . import schemas
from .acting import Acting
from .forms import DecideForm, DelegateForm
from .pagination import PAGING, PagesView

STATE = OpenApiParameter("state", str, enum=list(STATES), description="Only those in this state.")
JOB = OpenApiParameter("job", {"type": "string", "format": "uuid"}, description="Only those of this job.")

MINE = OpenApiParameter("mine", bool, description="Only those that wait for your answer.")


class ApprovalsView(Acting, PagesView):
    """Approvals of the tenant."""

    @extend_schema(
        operation_id="list_approvals",
        summary="List approvals",
        parameters=[STATE, JOB, MINE, *schemas.PAGING],
        responses=schemas.answers({200: schemas.page(schemas.APPROVAL)}, 422),
    )
    def get(self, request: Request) -> Response:
        """Approvals, the oldest first; each says whether you may decide it, and if not, why."""
        self.known("state", "job", "mine", *PAGING)
        rows = self._mine(approvals_of(self.tenant))
        state, job = request.query_params.get("state"), request.query_params.get("job")
        if state is not None:
            if state not in STATES:
                raise Invalid(
                    f"state: there is {', '.join(STATES)}", errors=[{"loc": ["state"], "msg": "unknown"}]
                )
            rows = rows.filter(state=state)
        if job is not None:
            rows = rows.filter(job_id=self.job(job).id)
        return self.page(rows, ("requested_at", "id"), lambda found: approvals_json(found, self.actor))

    def _mine(self, rows: QuerySet[Approval]) -> QuerySet[Approval]:
        match self.request.query_params.get("mine", "false"):
            case "true":
                return undecided(rows, self.actor)
            case "false":
                return rows
        raise Invalid("mine: it is true or false", errors=[{"loc": ["mine"], "msg": "it is true or false"}])


class ApprovalView(Acting):
    """One approval."""

    @extend_schema(
        operation_id="get_approval",
        summary="Read an approval",
        responses=schemas.answers({200: schemas.APPROVAL}, 404),
    )
    def get(self, request: Request, approval: UUID) -> Response:
        """What is asked, what is shown, what it releases, and who voted."""
        return Response(approval_json(approval_for(self.tenant, approval), self.actor))


class AttachmentView(Acting):
    """A file that an approval shows."""

    @extend_schema(
        operation_id="get_attachment",
        summary="Read an attachment of an approval",
        responses={(200, "application/octet-stream"): bytes, **schemas.answers({}, 404, 409)},
    )
    def get(self, request: Request, approval: UUID, number: int) -> HttpResponse:
        """The bytes, if they are still those that were shown; never to be shown in a page of ours."""
        found = content(approval_for(self.tenant, approval), number)
        if found is None:
            raise NotFound(f"approval {approval} shows no attachment {number} that is kept here")
        shown, body = found
        answer = HttpResponse(body, content_type="application/octet-stream")
        answer.headers["Content-Disposition"] = content_disposition_header(True, shown.name) or "attachment"
        answer.headers["Content-Security-Policy"] = "sandbox; default-src 'none'"
        return answer


class DecideView(Acting):
    """A decision; who tried, and was refused, stands in the access log too."""

    action = "decide"

    @extend_schema(
        operation_id="decide_approval",
        summary="Approve or reject",
        request=DecideForm,
        responses=schemas.answers({200: schemas.APPROVAL}, 404, 409, 413, 422),
    )
    def post(self, request: Request, approval: UUID) -> Response:
        """Decide on exactly what was shown: a digest of something else is refused."""
        wish = self.body(DecideForm)
        services.decide(
            approval, wish["decision"], digest=wish["digest"], actor=self.actor, comment=wish["comment"],
            form=wish["form"],
        )  # fmt: skip
        return Response(approval_json(approval_for(self.tenant, approval), self.actor))


class DelegateView(Acting):
    """A vote that goes to somebody else."""

    action = "decide"

    @extend_schema(
        operation_id="delegate_approval",
        summary="Hand your vote to another user",
        request=DelegateForm,
        responses=schemas.answers({200: schemas.APPROVAL}, 404, 409, 413, 422),
    )
    def post(self, request: Request, approval: UUID) -> Response:
        """The vote is theirs from now on, and yours no more; somebody who is asked already cannot be named."""
        wish = self.body(DelegateForm)
        services.delegate(
            approval, wish["to"], digest=wish["digest"], actor=self.actor, comment=wish["comment"]
        )
        return Response(approval_json(approval_for(self.tenant, approval), self.actor))
