"""`/api/agents`: agent instances with a mailbox; each message is one job."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.reverse import reverse

from .. import services
from ..core.errors import Invalid
from ..models import AgentInstance
from ..queries import instance_for, instance_json, instances_json, instances_of, job_json, jobs_of, state_json
from . import schemas
from .acting import Acting
from .forms import AgentForm, AgentMessageForm, NothingForm
from .jobs import IDEMPOTENCY_KEY
from .pagination import PAGING, PagesView
from .reports import InstanceAnswer, InstanceStateAnswer, SentToAgentAnswer

BODIES = (
    "message",
    "goal",
    "payload",
)  # three names for one thing: what the agent's goal is called elsewhere
FILTERS = [
    OpenApiParameter("agent", str, description="Exactly this agent."),
    OpenApiParameter("name", str, description="Exactly this name."),
    OpenApiParameter(
        "deleted", bool, description="Also those that are deleted (true); left out unless told."
    ),
]
KEY = OpenApiParameter("agent", str, OpenApiParameter.PATH, description="Id of the instance, or its name.")
GRANTED = schemas.answers({200: InstanceAnswer}, 404, 409, 422)


class InstanceFace(Acting):
    """What the views of one instance share."""

    def row(self, key: str) -> AgentInstance:
        """The instance of the path, by id or name."""
        return instance_for(self.tenant, key)

    def shown(self, id: UUID, status: int = 200, **headers: str) -> Response:
        """The instance as it stands now."""
        return Response(instance_json(self.row(str(id))), status=status, headers=headers)


class AgentsView(InstanceFace, PagesView):
    """All instances of the tenant."""

    @extend_schema(
        operation_id="create_agent",
        summary="Create an agent instance",
        request=AgentForm,
        responses=schemas.answers({201: InstanceAnswer}, 409, 413, 422),
    )
    def post(self, request: Request) -> Response:
        """An instance of an agent: it keeps its state from one message to the next. It costs a row until it is written to."""
        wish = self.body(AgentForm)
        made = services.create_agent(wish["agent"], name=wish["name"], state=wish["state"], actor=self.actor)
        return self.shown(
            made, 201, Location=reverse("aetheris:agent", kwargs={"agent": made}, request=request)
        )

    @extend_schema(
        operation_id="list_agents",
        summary="List agent instances",
        parameters=[*FILTERS, *schemas.PAGING],
        responses=schemas.answers({200: schemas.page(InstanceAnswer)}, 422),
    )
    def get(self, request: Request) -> Response:
        """The tenant's instances, the newest first, each with its status and the length of its line."""
        self.known("agent", "name", "deleted", *PAGING)
        rows = instances_of(self.tenant)
        told = request.query_params
        for name in ("agent", "name"):
            rows = rows.filter(**{name: told[name]}) if name in told else rows
        if told.get("deleted") not in (None, "true", "false"):
            raise Invalid("deleted: true or false", errors=[{"loc": ["deleted"], "msg": "true or false"}])
        if told.get("deleted") != "true":
            rows = rows.filter(deleted_at__isnull=True)
        return self.page(rows, ("-created_at", "-id"), instances_json)


@extend_schema(parameters=[KEY])
class AgentView(InstanceFace):
    """One instance."""

    @extend_schema(
        operation_id="get_agent",
        summary="Read an agent instance",
        responses=schemas.answers({200: InstanceAnswer}, 404),
    )
    def get(self, request: Request, agent: str) -> Response:
        """How an instance stands: idle, running, waiting, parked, paused or failed, by its current or last job."""
        return Response(instance_json(self.row(agent)))

    @extend_schema(operation_id="delete_agent", summary="Delete an agent instance", responses=GRANTED)
    def delete(self, request: Request, agent: str) -> Response:
        """Take no message any more and cancel those that wait. The job whose turn it is goes on; the row stays."""
        row = self.row(agent)
        services.delete_agent(row.id, actor=self.actor)
        return self.shown(row.id)


@extend_schema(parameters=[KEY])
class AgentMessageView(InstanceFace):
    """Messages to an instance."""

    @extend_schema(
        operation_id="message_agent",
        summary="Send a message to an agent instance",
        parameters=[IDEMPOTENCY_KEY],
        request=AgentMessageForm,
        responses=schemas.answers({202: SentToAgentAnswer}, 404, 409, 413, 422),
    )
    def post(self, request: Request, agent: str) -> Response:
        """One message, one job. Jobs of an instance run one at a time, in order; the same id again gives the same job."""
        wish = self.body(AgentMessageForm)
        row = self.row(agent)
        job = services.message_agent(
            row.id, _body(wish), id=_one_id(wish["id"], self.idempotency_key()), not_before=wish["not_before"],
            actor=self.actor,
        )  # fmt: skip
        place = reverse("aetheris:job", kwargs={"job": job}, request=request)
        return Response(
            {"job_id": str(job), "agent_id": str(row.id)}, status=202, headers={"Location": place}
        )


def _body(wish: dict[str, Any]) -> Any:
    given = [name for name in BODIES if name in wish]
    if len(given) != 1:
        message = "required" if not given else f"given beside {given[0]}; they are one thing"
        loc = given[-1] if given else BODIES[0]
        raise Invalid(f"{loc}: {message}", errors=[{"loc": [loc], "msg": message}])
    return wish[given[0]]


def _one_id(told: str | None, header: str | None) -> str | None:
    if told is not None and header is not None and told != header:
        message = "another one than Idempotency-Key; they are one thing"
        raise Invalid(f"id: {message}", errors=[{"loc": ["id"], "msg": message}])
    return told if told is not None else header


@extend_schema(parameters=[KEY])
class AgentStateView(InstanceFace):
    """What an instance keeps."""

    @extend_schema(
        operation_id="get_agent_state",
        summary="Read the state of an agent instance",
        responses=schemas.answers({200: InstanceStateAnswer}, 404),
    )
    def get(self, request: Request, agent: str) -> Response:
        """The state that the next message begins with, and the job whose end left it."""
        return Response(state_json(self.row(agent)))


@extend_schema(parameters=[KEY])
class AgentJobsView(InstanceFace, PagesView):
    """The messages of an instance, as jobs."""

    @extend_schema(
        operation_id="list_agent_jobs",
        summary="List the jobs of an agent instance",
        parameters=schemas.PAGING,
        responses=schemas.answers({200: schemas.page(schemas.JOB)}, 404, 422),
    )
    def get(self, request: Request, agent: str) -> Response:
        """Every message that came, as the job that it is, the newest first."""
        self.known(*PAGING)
        rows = jobs_of(self.tenant).filter(instance=self.row(agent).id)
        return self.page(rows, ("-created_at", "-id"), lambda found: [job_json(each) for each in found])


@extend_schema(parameters=[KEY])
class AgentPauseView(InstanceFace):
    """Pause."""

    @extend_schema(
        operation_id="pause_agent", summary="Pause an agent instance", request=NothingForm, responses=GRANTED
    )
    def post(self, request: Request, agent: str) -> Response:
        """Begin no further message until it is resumed. The job whose turn it is goes on; messages are still taken."""
        self.body(NothingForm)
        row = self.row(agent)
        services.pause_agent(row.id, actor=self.actor)
        return self.shown(row.id)


@extend_schema(parameters=[KEY])
class AgentResumeView(InstanceFace):
    """Resume."""

    @extend_schema(
        operation_id="resume_agent",
        summary="Resume an agent instance",
        request=NothingForm,
        responses=GRANTED,
    )
    def post(self, request: Request, agent: str) -> Response:
        """Go on with the next message in line."""
        self.body(NothingForm)
        row = self.row(agent)
        services.resume_agent(row.id, actor=self.actor)
        return self.shown(row.id)
