"""A request to the API as a look: who asked what, from where, and what came of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rest_framework.authentication import get_authorization_header
from rest_framework.exceptions import APIException
from rest_framework.request import Request

from .. import tokens
from ..conf import conf
from ..models import Token
from ..viewing import Look, Who, at_web, what_was_asked

if TYPE_CHECKING:
    from .base import Face


def look_of(face: Face, request: Request, answer: Any) -> Look | None:
    """The look that a request was; None where nobody known has asked.

    Args:
        face: the view.
        request: as the framework has it.
        answer: what will be sent.
    """
    user, token = _caller(request)
    if user is None:
        return None
    tenant = token.tenant if token is not None else conf().DEFAULT_TENANT
    match = request.resolver_match
    named: dict[str, Any] = dict(match.kwargs) if match else {}
    job = str(named.pop("job", ""))
    code = answer.data.get("code", "") if isinstance(getattr(answer, "data", None), dict) else ""
    return Look(
        who=Who("user", str(user.pk), user.get_username(), (token.name or token.prefix) if token else ""),
        tenant=tenant, action=face.actions.get(request.method or "", face.action), question=str((match and match.url_name) or _name(face)), status=answer.status_code,
        job=job, target=" ".join(str(value) for value in named.values()),
        code=str(code) if answer.status_code >= 400 else "", strict=face.strict, **at_web(request._request),
        **what_was_asked(request.query_params, _body(request, answer)),
    )  # fmt: skip


def _name(face: Face) -> str:
    return type(face).__name__.removesuffix("View").lower()


def _caller(request: Request) -> tuple[Any, Token | None]:
    """Whom a request comes from, also where an expired or revoked token was refused."""
    try:
        user, token = request.user, request.auth
    except APIException:  # it was refused; asking again refuses again
        user, token = None, None
    if user is not None and user.is_authenticated:
        return user, token if isinstance(token, Token) else None
    scheme, _, sent = get_authorization_header(request).decode("latin-1").partition(" ")
    known = tokens.known(sent.strip()) if scheme.lower() == "bearer" else None
    return (known.user, known) if known is not None else (None, None)


def _body(request: Request, answer: Any) -> Any:
    """The body of a request that was granted, where it is an object; a refused one may not even be JSON."""
    if answer.status_code >= 400 or request.method in ("GET", "HEAD"):
        return None
    try:
        return request.data if isinstance(request.data, dict) else None
    except APIException:
        return None
