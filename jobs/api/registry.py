"""`/api/definitions`, `/api/tools`, `/api/workers`: what can be asked for, and who does it."""

from __future__ import annotations

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from ..core.errors import Invalid
from ..queries import definition, definitions, tool, tools, workers_json, workers_of
from . import schemas
from .base import Face
from .pagination import PAGING, PagesView

ALIVE = OpenApiParameter("alive", bool, description="Only the living (true) or the dead (false).")


def _whole(found: list[dict[str, object]]) -> Response:
    """A list that is short by nature, in the form of a page."""
    return Response({"next": None, "previous": None, "results": found})


class DefinitionsView(Face):
    """Agents."""

    @extend_schema(
        operation_id="list_definitions",
        summary="List agents",
        responses=schemas.answers({200: schemas.page(schemas.DEFINITION)}),
    )
    def get(self, request: Request) -> Response:
        """Registered agents with their versions and goal schemas."""
        return _whole(definitions())


class DefinitionView(Face):
    """One agent."""

    @extend_schema(
        operation_id="get_definition",
        summary="Read an agent",
        responses=schemas.answers({200: schemas.DEFINITION}, 404),
    )
    def get(self, request: Request, name: str) -> Response:
        """One agent's versions and goal schemas."""
        return Response(definition(name))


class ToolsView(Face):
    """Tools."""

    @extend_schema(
        operation_id="list_tools",
        summary="List tools",
        responses=schemas.answers({200: schemas.page(schemas.TOOL)}),
    )
    def get(self, request: Request) -> Response:
        """Registered tools with what they do to the world and their argument schemas."""
        return _whole(tools())


class ToolView(Face):
    """One tool."""

    @extend_schema(
        operation_id="get_tool", summary="Read a tool", responses=schemas.answers({200: schemas.TOOL}, 404)
    )
    def get(self, request: Request, name: str) -> Response:
        """One tool as it was registered last."""
        return Response(tool(name))


class WorkersView(PagesView):
    """Workers."""

    @extend_schema(
        operation_id="list_workers",
        summary="List workers",
        parameters=[ALIVE, *schemas.PAGING],
        responses=schemas.answers({200: schemas.page(schemas.WORKER)}, 422),
    )
    def get(self, request: Request) -> Response:
        """Worker incarnations, the newest first, with what each does for this tenant."""
        self.known("alive", *PAGING)
        alive = request.query_params.get("alive")
        if alive not in (None, "true", "false"):
            raise Invalid("alive: true or false", errors=[{"loc": ["alive"], "msg": "true or false"}])
        rows = workers_of(alive=None if alive is None else alive == "true")
        return self.page(rows, ("-registered_at", "-id"), lambda found: workers_json(found, self.tenant))
