"""`/api/forensics/access`: who looked at what, and whether that log itself is whole."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers as s
from rest_framework.request import Request
from rest_framework.response import Response

from jobs.api.forms import NothingForm
from jobs.api.pagination import PAGING, PagesView
from jobs.api.schemas import PAGING as PAGING_PARAMETERS
from jobs.api.schemas import Head, answers, page
from jobs.api.shapes import text, texts, when

from .. import access
from ..asking import moment, uuid, word
from ..log.accesses import verify_accesses
from .asking import SINCE, UNTIL
from .base import ForensicFace

FORENSICS = "aetheris_forensics.view_forensics"


class Looker(s.Serializer[Any]):
    """Who looked; `kind` is user, or os for a management command."""

    kind = text()
    id = text()
    name = text()
    token = text(allow_blank=True)


class Whence(s.Serializer[Any]):
    """Where it came from."""

    address = text(allow_blank=True)
    agent = text(allow_blank=True)


class AccessAnswer(s.Serializer[Any]):
    """One access to forensic data; `digest` is of query and body, which are not kept."""

    seq = s.IntegerField()
    at = when()
    tenant = text()
    who = Looker()
    action = text()
    question = text()
    job = s.UUIDField(allow_null=True)
    target = text(allow_blank=True)
    digest = text(allow_blank=True)
    filters = texts()
    outcome = text()
    status = s.IntegerField()
    code = text(allow_blank=True)
    hash = text()
    request = text(allow_blank=True)

    def get_fields(self) -> dict[str, s.Field[Any, Any, Any, Any]]:
        """`from` is a word of the language, and no name of a class."""
        return {**super().get_fields(), "from": Whence()}


class AccessVerifiedAnswer(s.Serializer[Any]):
    """Whether the access log is whole; `problem` says where the first break is."""

    ok = s.BooleanField()
    tenant = text()
    entries = s.IntegerField()
    head = Head()
    witnessed = s.IntegerField()
    problem = s.JSONField()


class AccessView(ForensicFace, PagesView):
    """The access log."""

    needs = FORENSICS

    @extend_schema(
        operation_id="list_accesses",
        summary="Search the access log",
        parameters=[
            OpenApiParameter("who", str, description="Name or id of a user."),
            OpenApiParameter("what", str, description="An action: view, verify, replay, export, search …"),
            OpenApiParameter("job", str, description="Accesses to this job."),
            OpenApiParameter("outcome", str, enum=list(access.OUTCOMES)),
            SINCE, UNTIL, *PAGING_PARAMETERS,
        ],
        responses=answers({200: page(AccessAnswer)}, 422),
    )  # fmt: skip
    def get(self, request: Request) -> Response:
        """Every view, export, verification, replay, search and refusal of forensic data, the newest first."""
        self.known(*access.FILTERS, *PAGING)
        query = request.query_params
        asked = {
            "who": query.get("who"),
            "what": query.get("what"),
            "job": uuid(query, "job"),
            "since": moment(query, "since"),
            "until": moment(query, "until"),
            "outcome": word(query, "outcome", access.OUTCOMES),
        }
        rows = access.accesses(self.tenant, asked)
        return self.page(rows, ("-seq",), lambda found: [access.access_json(each) for each in found])


class AccessVerifyView(ForensicFace):
    """The chain of the access log."""

    action = "verify"
    needs = FORENSICS

    @extend_schema(
        operation_id="verify_accesses",
        summary="Verify the access log",
        request=None,
        responses=answers({200: AccessVerifiedAnswer}),
    )
    def post(self, request: Request) -> Response:
        """Recompute every digest and link of the tenant's log, and hold it against the transparency log. A broken log is an answer; nothing is repaired."""
        self.body(NothingForm)
        return Response(verify_accesses(self.tenant))
