"""`/api/forensics/verifications`: verify everything, or jobs by time, agent and status; how far it is, what it found."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers as s
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.reverse import reverse

from jobs.api.fields import Form, Text
from jobs.api.forms import NothingForm
from jobs.api.pagination import PAGING, PagesView
from jobs.api.schemas import IDEMPOTENCY_KEY, Person, answers, page
from jobs.api.schemas import PAGING as PAGING_PARAMETERS
from jobs.api.shapes import text, when
from jobs.core.errors import NotAllowed
from jobs.queries.jobs import STATUSES

from .. import inspection, tasks
from ..asking import moment, word
from ..models.verifying import STATES
from .base import ForensicFace

VERIFY = "aetheris_forensics.verify"
FORENSICS = "aetheris_forensics.view_forensics"


class VerificationForm(Form):
    """Which jobs; nothing is everything. Times are RFC 3339, or a duration such as 24h: so long ago."""

    since = Text(max_length=40, required=False, help_text="Created then or later.")
    until = Text(max_length=40, required=False, help_text="Created before then.")
    agent = Text(max_length=120, required=False)
    status = s.ChoiceField(choices=STATUSES, required=False)


class ScopeAnswer(s.Serializer[Any]):
    """Which jobs a verification looks at; empty: everything."""

    since = when(required=False)
    until = when(required=False)
    agent = text(required=False)
    status = text(required=False)


class VerificationAnswer(s.Serializer[Any]):
    """A verification: `jobs` of `total` have been looked at, `broken` of what it found is listed under `/breaks`."""

    id = s.UUIDField()
    scope = ScopeAnswer()
    state = s.ChoiceField(choices=STATES)
    requester = Person()
    total = s.IntegerField()
    jobs = s.IntegerField()
    events = s.IntegerField()
    broken = s.IntegerField()
    seconds = s.FloatField()
    rate = s.FloatField(allow_null=True, help_text="Events a second, at work.")
    problem = text(allow_blank=True)
    created_at = when()
    started_at = when(allow_null=True)
    finished_at = when(allow_null=True)

    def get_fields(self) -> dict[str, s.Field[Any, Any, Any, Any]]:
        """`source` is a word of every field."""
        return {**super().get_fields(), "source": text()}


class BreakAnswer(s.Serializer[Any]):
    """The first break of a job, or rows that belong to none: its kind, and its place."""

    job = s.UUIDField(allow_null=True)
    kind = text()
    seq = s.IntegerField()
    table = text(allow_blank=True)
    row = text(allow_blank=True)
    column = text(allow_blank=True)
    message = text()
    found_at = when()


class _Face(ForensicFace):
    """What these views share."""

    needs = FORENSICS

    def may_verify(self) -> None:
        """Starting and stopping takes a permission of its own.

        Raises:
            NotAllowed: it is missing.
        """
        if not self.request.user.has_perm(VERIFY):
            name = self.request.user.get_username()
            raise NotAllowed(
                f"{name} may not verify everything: the permission {VERIFY} is missing; the group auditor has it",
                code="permission_missing",
            )


class VerificationsView(_Face, PagesView):
    """Verifications."""

    action = "verify"

    @extend_schema(
        operation_id="start_verification",
        summary="Verify many jobs",
        parameters=[IDEMPOTENCY_KEY],
        request=VerificationForm,
        responses=answers({202: VerificationAnswer}, 422),
    )
    def post(self, request: Request) -> Response:
        """Look at everything, or at the jobs of a scope, in the background. Nothing is repaired."""
        self.may_verify()
        told = self.body(VerificationForm)
        row = inspection.ask(self.tenant, _scope(told), self._asker(), self.idempotency_key(), told)
        tasks.tell_verification(str(row.id))
        place = reverse("aetheris_forensics:verification", kwargs={"verification": row.id}, request=request)
        return Response(inspection.verification_json(row), status=202, headers={"Location": place})

    def _asker(self) -> inspection.Asker:
        user = self.request.user
        return inspection.Asker("api", str(user.pk), user.get_username())

    @extend_schema(
        operation_id="list_verifications",
        summary="List verifications",
        parameters=[OpenApiParameter("state", str, enum=list(STATES)), *PAGING_PARAMETERS],
        responses=answers({200: page(VerificationAnswer)}, 422),
    )
    def get(self, request: Request) -> Response:
        """The tenant's verifications, the newest first, those of every night among them."""
        self.known("state", *PAGING)
        rows = inspection.verifications_of(self.tenant)
        state = word(request.query_params, "state", STATES)
        rows = rows.filter(state=state) if state else rows
        shape = inspection.verification_json
        return self.page(rows, ("-created_at", "-id"), lambda found: [shape(each) for each in found])


class VerificationView(_Face):
    """One verification."""

    @extend_schema(
        operation_id="get_verification",
        summary="Read a verification",
        responses=answers({200: VerificationAnswer}, 404),
    )
    def get(self, request: Request, verification: UUID) -> Response:
        """How far it is, how fast, and how much it has found broken."""
        row = inspection.verification_for(self.tenant, verification)
        return Response(inspection.verification_json(row))


class BreaksView(_Face, PagesView):
    """What a verification has found."""

    @extend_schema(
        operation_id="list_breaks",
        summary="List what a verification has found broken",
        parameters=PAGING_PARAMETERS,
        responses=answers({200: page(BreakAnswer)}, 404, 422),
    )
    def get(self, request: Request, verification: UUID) -> Response:
        """Every broken job with its first break, and rows that belong to no job, in the order of finding."""
        self.known(*PAGING)
        row = inspection.verification_for(self.tenant, verification)
        shape = inspection.breakage_json
        return self.page(inspection.breakages_of(row), ("id",), lambda found: [shape(each) for each in found])


class CancelVerificationView(_Face):
    """Cancel."""

    action = "verify"

    @extend_schema(
        operation_id="cancel_verification",
        summary="Cancel a verification",
        request=NothingForm,
        responses=answers({200: VerificationAnswer}, 404, 409),
    )
    def post(self, request: Request, verification: UUID) -> Response:
        """Look at no further job. What it has found stays."""
        self.may_verify()
        self.body(NothingForm)
        inspection.cancel(inspection.verification_for(self.tenant, verification))
        return Response(inspection.verification_json(inspection.verification_for(self.tenant, verification)))


def _scope(told: dict[str, Any]) -> inspection.Scope:
    return inspection.Scope(
        since=moment(told, "since") or "", until=moment(told, "until") or "", agent=told.get("agent", ""),
        status=told.get("status", ""),
    )  # fmt: skip
