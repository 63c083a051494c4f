"""`/api/system` and `/api/me`: how the whole is doing, and who asks."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from ..core.moments import text
from ..models import Token
from ..queries import overview, stuck
from . import reports, schemas
from .acting import Acting
from .base import Face


class OverviewView(Face):
    """Counts."""

    @extend_schema(
        operation_id="system_overview",
        summary="Overview",
        responses=schemas.answers({200: reports.OverviewAnswer}),
    )
    def get(self, request: Request) -> Response:
        """Jobs by status, the agenda, inboxes, workers, the last tick."""
        return Response(overview(self.tenant))


class StuckView(Face):
    """What needs somebody."""

    @extend_schema(
        operation_id="system_stuck",
        summary="What is stuck",
        responses=schemas.answers({200: schemas.page(reports.StuckAnswer)}),
    )
    def get(self, request: Request) -> Response:
        """Everything that does not go on by itself, why, and what would help."""
        return Response({"next": None, "previous": None, "results": stuck(self.tenant)})


class MeView(Acting):
    """The caller."""

    @extend_schema(operation_id="me", summary="Who am I", responses=schemas.answers({200: reports.MeAnswer}))
    def get(self, request: Request) -> Response:
        """Who the token or session speaks for, in which tenant, with which permissions."""
        actor, token = self.actor, request.auth
        return Response(
            {
                "id": actor.id,
                "name": actor.name,
                "tenant": actor.tenant,
                "groups": list(actor.groups),
                "superuser": actor.superuser,
                "may": sorted(actor.may),
                "token": _token(token) if isinstance(token, Token) else None,
            }
        )


def _token(token: Token) -> dict[str, object]:
    return {
        "id": token.pk,
        "name": token.name,
        "prefix": token.prefix,
        "expires_at": text(token.expires_at) if token.expires_at else None,
    }
