"""Who calls: `Authorization: Bearer aeth_…`, and how the schema says so."""

from __future__ import annotations

from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework.authentication import BaseAuthentication, get_authorization_header
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from .. import tokens
from ..models import Token


class TokenAuthentication(BaseAuthentication):
    """A bearer token. A request without one is left to the next way to authenticate (the session)."""

    def authenticate(self, request: Request) -> tuple[Any, Token] | None:
        """The user and the token, or None where no bearer token was sent.

        Raises:
            AuthenticationFailed: the token is malformed, unknown, expired or revoked.
        """
        scheme, _, text = get_authorization_header(request).decode("latin-1").partition(" ")
        if scheme.lower() != "bearer":
            return None
        token = tokens.verify(text.strip())
        if token is None:
            raise AuthenticationFailed(
                "the token is unknown, expired or revoked; make a new one with `aetheris token create`, "
                "or log in and POST /api/tokens",
                code="invalid_token",
            )
        return token.user, token

    def authenticate_header(self, request: Request) -> str:
        """What a 401 names in `WWW-Authenticate`."""
        return 'Bearer realm="aetheris"'


class TokenScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]  # it registers itself, untyped
    """The bearer token in the OpenAPI document."""

    target_class = "jobs.api.authentication.TokenAuthentication"
    name = "token"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        """The scheme as OpenAPI writes it."""
        return {"type": "http", "scheme": "bearer", "bearerFormat": "aeth_…"}
