"""Refusals as HTTP: the one place that knows status codes. Every error is a problem document (RFC 9457)."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from math import ceil
from typing import Any
from uuid import uuid4

from django.core.exceptions import PermissionDenied, SuspiciousOperation
from django.db import InterfaceError, OperationalError
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.http.response import HttpResponseBase
from django.views import defaults
from django.views.decorators.csrf import csrf_exempt
from rest_framework import exceptions
from rest_framework.response import Response
from rest_framework.views import set_rollback

from jobs.core import errors
from jobs.outage import in_a_line, no_room
from ledger.encryption import Unreadable

log = logging.getLogger("aetheris.api")

REMEMBERED = 30.0  # seconds for which a write that found no room counts
_last_no_room = (0.0, "")

MEDIA_TYPE = "application/problem+json"
API = "/api/"

# The nearest class in the exception's ancestry decides.
STATUSES: dict[type[Exception], int] = {
    errors.Refused: 409,
    errors.NotFound: 404,
    errors.Gone: 410,
    errors.NotAllowed: 403,
    errors.Illegal: 409,
    errors.Fenced: 409,
    errors.Invalid: 422,
    errors.Unsupported: 422,
    errors.TooLarge: 413,
    errors.KeyReused: 422,
    errors.Unrecorded: 503,
    errors.Busy: 503,
    exceptions.ValidationError: 422,
    exceptions.ParseError: 400,
    Http404: 404,
    PermissionDenied: 403,
    SuspiciousOperation: 400,
    Unreadable: 503,
    OperationalError: 503,
    InterfaceError: 503,
}
CODES: dict[type[Exception], str] = {
    exceptions.ValidationError: "invalid",
    exceptions.ParseError: "malformed_json",
    exceptions.PermissionDenied: "not_allowed",
    exceptions.Throttled: "too_many_requests",
    errors.Busy: "job_busy",
    Http404: "not_found",
    PermissionDenied: "not_allowed",
    SuspiciousOperation: "bad_request",
    Unreadable: "encryption_key_missing",
    OperationalError: "database_unavailable",
    InterfaceError: "database_unavailable",
}
SENTENCES: dict[str, str] = {
    "database_unavailable": "the database does not answer or is busy; nothing was changed that was not "
    "confirmed; try again",
    "storage_full": "the database has no room to write, so nothing was changed; when its disk has room, send it again",
    "not_found": "there is nothing at this address",
    "not_authenticated": "this needs a token: send `Authorization: Bearer aeth_…`, or log in",
}


@dataclass(frozen=True)
class Problem:
    """One error as a client reads it."""

    status: int
    code: str
    detail: str
    errors: list[dict[str, Any]] = field(default_factory=list)
    more: Mapping[str, Any] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """The members of the document."""
        body: dict[str, Any] = {
            **self.more,
            "type": f"urn:aetheris:problem:{self.code}",
            "title": HTTPStatus(self.status).phrase,
            "status": self.status,
            "detail": self.detail,
            "code": self.code,
        }
        if self.errors:
            body["errors"] = self.errors
        return body


def problem(exc: Exception, context: Mapping[str, Any]) -> Response:
    """The API's exception handler: every exception becomes a problem document.

    Args:
        exc: what a view raised.
        context: what the framework passes along; only the request is looked at.

    Returns:
        The answer. An exception that nobody expected is logged under a number that the answer names.
    """
    set_rollback()
    found = described(exc, getattr(context.get("request"), "path", ""))
    return Response(
        found.to_json(), status=found.status, headers=dict(found.headers), content_type=MEDIA_TYPE
    )


def described(exc: Exception, path: str) -> Problem:
    """Which problem an exception is."""
    if isinstance(exc, errors.Refused):
        more = dict(exc.details)
        return Problem(_status(exc, 409), exc.code, exc.message, errors=exc.errors, more=more)
    if isinstance(exc, exceptions.APIException):
        return _from_framework(exc)
    status = _status(exc, 500)
    if status == 500:
        return _unexpected(exc, path)
    code = _nearest(CODES, exc) or "bad_request"
    if no_room(exc):
        return _no_room(in_a_line(exc), path)
    if status == 503:
        log.warning("%s: the database is unavailable: %s", path, exc)
    headers = {"Retry-After": "1"} if status == 503 else {}
    return Problem(status, code, SENTENCES.get(code) or str(exc) or code, headers=headers)


def _from_framework(exc: exceptions.APIException) -> Problem:
    status = _status(exc, exc.status_code)
    said = getattr(exc.detail, "code", None) or exc.default_code
    code = _nearest(CODES, exc) or said
    headers = {}
    if getattr(exc, "auth_header", None):
        headers["WWW-Authenticate"] = exc.auth_header  # type: ignore[attr-defined]  # the framework sets it
    wait = getattr(exc, "wait", None)  # of Throttled: the framework sets it
    if wait is not None:
        headers["Retry-After"] = str(max(1, ceil(wait)))
    if isinstance(exc, exceptions.ValidationError):
        found = list(fields(exc.detail))
        return Problem(status, code, _first(found), errors=found, headers=headers)
    return Problem(status, code, SENTENCES.get(code) or str(exc.detail), headers=headers)


def fields(detail: Any, loc: tuple[Any, ...] = ()) -> list[dict[str, Any]]:
    """The framework's nested messages as `{"loc": [...], "msg": "..."}`, one each."""
    if isinstance(detail, Mapping):
        pairs = [(name, value) for name, value in detail.items() if value]
        return [one for name, value in pairs for one in fields(value, _deeper(loc, name))]
    if isinstance(detail, (list, tuple)):
        if any(isinstance(item, (Mapping, list)) for item in detail):
            return [one for index, item in enumerate(detail) for one in fields(item, (*loc, index))]
        return [{"loc": list(loc), "msg": str(item)} for item in detail]
    return [{"loc": list(loc), "msg": str(detail)}]


def _deeper(loc: tuple[Any, ...], name: Any) -> tuple[Any, ...]:
    return loc if name == "non_field_errors" else (*loc, name)


def _first(found: list[dict[str, Any]]) -> str:
    if not found:
        return "the request is not valid"
    place = ".".join(str(part) for part in found[0]["loc"])
    rest = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
    return f"{place}: {found[0]['msg']}{rest}" if place else f"{found[0]['msg']}{rest}"


def _no_room(told: str, path: str) -> Problem:
    global _last_no_room
    _last_no_room = (time.monotonic(), told)
    log.error("%s: %s", path, told)
    return Problem(507, "storage_full", SENTENCES["storage_full"], headers={"Retry-After": "5"})


def no_room_lately() -> str:
    """What was said when a write of this process found no room in the last half minute; else nothing."""
    when, told = _last_no_room
    return told if told and time.monotonic() - when < REMEMBERED else ""


def _unexpected(exc: Exception, path: str) -> Problem:
    number = uuid4().hex
    log.error("%s: unexpected error %s", path, number, exc_info=exc)
    detail = f"something went wrong that should not; the log of the API tells more under {number}"
    return Problem(500, "internal_error", detail, more={"correlation": number})


def _status(exc: Exception, otherwise: int) -> int:
    return _nearest(STATUSES, exc) or otherwise


def _nearest(table: Mapping[type[Exception], Any], exc: Exception) -> Any:
    return next((table[kind] for kind in type(exc).__mro__ if kind in table), None)


def _is_api(request: HttpRequest) -> bool:
    return f"{request.path}/".startswith(API)


def _answer(found: Problem) -> JsonResponse:
    return JsonResponse(
        found.to_json(), status=found.status, headers=dict(found.headers), content_type=MEDIA_TYPE
    )


def no_icon(request: HttpRequest) -> HttpResponseBase:
    """Browsers ask for an icon unasked; there is none."""
    return HttpResponse(status=204)


@csrf_exempt  # it changes nothing, and a wrong address is not a forged form
def not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponseBase:
    """A 404 from outside the API's views; also the API's own catch-all."""
    if not _is_api(request):
        return defaults.page_not_found(request, exception or Http404())
    detail = f"there is nothing at {request.path}; /api/docs/ lists what there is"
    return _answer(Problem(404, "not_found", detail))


def bad_request(request: HttpRequest, exception: Exception | None = None) -> HttpResponseBase:
    """A 400 from outside the API's views, e.g. an unknown Host."""
    if not _is_api(request):
        return defaults.bad_request(request, exception or SuspiciousOperation())
    return _answer(Problem(400, "bad_request", "the request is not one that this server answers"))


def server_error(request: HttpRequest) -> HttpResponseBase:
    """A 500 from outside the API's views; Django has logged it."""
    if not _is_api(request):
        return defaults.server_error(request)
    return _answer(Problem(500, "internal_error", "something went wrong that should not; the log tells more"))
