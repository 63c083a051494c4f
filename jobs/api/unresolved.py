"""`/api/unresolved`: calls of which nobody knows whether they happened, and what a person says of them."""

from __future__ import annotations

from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from .. import services
from ..queries import unresolved_json, unresolved_of
from . import schemas
from .acting import Acting
from .forms import ResolveForm
from .pagination import PAGING, PagesView


class UnresolvedView(PagesView):
    """Unknown outcomes of the tenant."""

    @extend_schema(
        operation_id="list_unresolved",
        summary="List unknown outcomes",
        parameters=schemas.PAGING,
        responses=schemas.answers({200: schemas.page(schemas.UNRESOLVED)}, 422),
    )
    def get(self, request: Request) -> Response:
        """What was called with which arguments and key, since when, and why nobody knows; the oldest first."""
        self.known(*PAGING)
        rows = unresolved_of(self.tenant)
        return self.page(rows, ("promised_at", "id"), lambda found: [unresolved_json(each) for each in found])


class ResolveView(Acting):
    """A person's word on an unknown outcome."""

    @extend_schema(
        operation_id="resolve_effect",
        summary="Resolve an unknown outcome",
        request=ResolveForm,
        responses=schemas.answers({200: schemas.UNRESOLVED}, 404, 409, 413, 422),
    )
    def post(self, request: Request, invocation: UUID) -> Response:
        """Say that it landed (with its result), that it is absent, or let the step fail and leave it unknown."""
        wish = self.body(ResolveForm)
        line = services.resolve(
            invocation, wish["verdict"], actor=self.actor, result=wish["result"], comment=wish["comment"]
        )
        return Response(unresolved_json(line))
