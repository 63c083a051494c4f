"""`/api/tokens`: one's own bearer tokens."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from .. import tokens
from ..core.moments import text
from ..models import Token
from ..queries.jobs import moment
from . import reports, schemas
from .base import Face
from .forms import TokenForm
from .pagination import PAGING, PagesView


class TokensView(PagesView):
    """The caller's tokens."""

    @extend_schema(
        operation_id="list_tokens",
        summary="List your tokens",
        parameters=schemas.PAGING,
        responses=schemas.answers({200: schemas.page(reports.TokenAnswer)}, 422),
    )
    def get(self, request: Request) -> Response:
        """Your tokens, without their text: that is shown only once."""
        self.known(*PAGING)
        return self.page(
            tokens.tokens_of(request.user), ("-id",), lambda found: [_shown(each) for each in found]
        )

    @extend_schema(
        operation_id="create_token",
        summary="Make a token",
        request=TokenForm,
        responses=schemas.answers({201: reports.NewTokenAnswer}, 422),
    )
    def post(self, request: Request) -> Response:
        """Make a token for yourself. One made with a token ends with it at the latest."""
        wish = self.body(TokenForm)
        under = request.auth if isinstance(request.auth, Token) else None
        made = tokens.create(
            request.user, tenant=self.tenant, name=wish["name"], expires_at=wish["expires_at"], under=under
        )
        return Response(
            {"token": made.text, **_shown(made)}, status=201, headers={"Cache-Control": "no-store"}
        )


class TokenView(Face):
    """One token."""

    @extend_schema(
        operation_id="revoke_token",
        summary="Revoke a token",
        responses={204: None, **schemas.answers({}, 404)},
    )
    def delete(self, request: Request, token: int) -> Response:
        """End a token at once."""
        tokens.revoke(request.user, token)
        return Response(status=204)


def _shown(token: Token | tokens.Minted) -> dict[str, Any]:
    revoked = token.revoked_at if isinstance(token, Token) else None
    return {
        "id": token.pk if isinstance(token, Token) else token.id,
        "name": token.name,
        "prefix": token.prefix,
        "tenant": token.tenant,
        "created_at": text(token.created_at),
        "expires_at": moment(token.expires_at),
        "revoked_at": moment(revoked),
    }
