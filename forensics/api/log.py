"""`/api/forensics/checkpoints`, `/inclusion`, `/consistency`, `/keys`, `/anchors`: the transparency log and its proofs."""

from __future__ import annotations

from django.http import HttpResponse
from django.http.response import HttpResponseBase
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from jobs.api.forms import NothingForm
from jobs.api.pagination import PAGING, PagesView
from jobs.api.schemas import PAGING as PAGING_PARAMETERS
from jobs.api.schemas import answers, page
from jobs.core.errors import Invalid

from .. import log
from ..asking import refuse, uuid, word
from ..log.proofs import checkpoint_of, consistency, inclusion, newest
from ..log.shapes import anchor_json, checkpoint_json, keys_json
from ..models import Anchor, Checkpoint
from ..models.transparency import ANCHOR_STATES
from .access import FORENSICS
from .base import ForensicFace
from .log_schemas import (
    AnchorAnswer,
    CheckpointAnswer,
    ConsistencyAnswer,
    InclusionAnswer,
    LogKeysAnswer,
    LogVerifiedAnswer,
)

FORMS = ("json", "text")
FORM = OpenApiParameter(
    "form", str, enum=list(FORMS), description="`text`: the signed note alone, as text/plain; so does Accept."
)
NOTE = OpenApiResponse(OpenApiTypes.STR, description="The signed note (C2SP tlog-checkpoint).")


class CheckpointsView(ForensicFace, PagesView):
    """Checkpoints."""

    action = "prove"

    @extend_schema(
        operation_id="list_checkpoints",
        summary="List the checkpoints of the log",
        parameters=PAGING_PARAMETERS,
        responses=answers({200: page(CheckpointAnswer)}, 422),
    )
    def get(self, request: Request) -> Response:
        """Every signed head of the log, the newest first. They name nobody's data."""
        self.known(*PAGING)
        rows = Checkpoint.objects.all()
        return self.page(rows, ("-size",), lambda found: [checkpoint_json(each) for each in found])


class CheckpointView(ForensicFace):
    """One checkpoint."""

    action = "prove"

    @extend_schema(
        operation_id="get_checkpoint",
        summary="Get a checkpoint by its size",
        parameters=[FORM],
        responses={
            (200, "application/json"): CheckpointAnswer,
            (200, "text/plain"): NOTE,
            **answers({}, 404, 422),
        },
    )
    def get(self, request: Request, size: int) -> HttpResponseBase:
        """A signed head of the log. Keep its text: no later log without these leaves can be consistent with it."""
        self.known("form")
        return _told(request, checkpoint_of(size))


class LatestView(ForensicFace):
    """The newest checkpoint."""

    action = "prove"

    @extend_schema(
        operation_id="latest_checkpoint",
        summary="Get the newest checkpoint",
        parameters=[FORM],
        responses={
            (200, "application/json"): CheckpointAnswer,
            (200, "text/plain"): NOTE,
            **answers({}, 404, 422),
        },
    )
    def get(self, request: Request) -> HttpResponseBase:
        """The newest signed head of the log."""
        self.known("form")
        return _told(request, newest())


def _told(request: Request, row: Checkpoint) -> HttpResponseBase:
    form = word(request.query_params, "form", FORMS)
    accepts = request.headers.get("Accept", "")
    if form == "text" or form is None and "text/plain" in accepts and "json" not in accepts:
        return HttpResponse(row.text, content_type="text/plain; charset=utf-8")
    return Response(checkpoint_json(row))


class InclusionView(ForensicFace):
    """Inclusion proofs."""

    action = "prove"

    @extend_schema(
        operation_id="prove_inclusion",
        summary="Prove that a job's head is in the log",
        parameters=[
            OpenApiParameter("job", OpenApiTypes.UUID, required=True),
            OpenApiParameter("size", int, description="Of the checkpoint; the newest unless told."),
        ],
        responses=answers({200: InclusionAnswer}, 404, 409, 422),
    )
    def get(self, request: Request) -> Response:
        """The newest head of the job under a checkpoint, with the path to its root."""
        self.known("job", "size")
        job = uuid(request.query_params, "job")
        if job is None:
            raise refuse("job", "the id of a job is needed")
        found = self.job(job)
        return Response(inclusion(found, self.whole("size", 0, least=1) or None))


class ConsistencyView(ForensicFace):
    """Consistency proofs."""

    action = "prove"

    @extend_schema(
        operation_id="prove_consistency",
        summary="Prove that the log only grew",
        parameters=[
            OpenApiParameter(
                "from",
                int,
                required=True,
                description="The smaller size: that of a checkpoint which was kept.",
            ),
            OpenApiParameter(
                "to", int, description="The larger one; that of the newest checkpoint unless told."
            ),
        ],
        responses=answers({200: ConsistencyAnswer}, 404, 409, 422),
    )
    def get(self, request: Request) -> Response:
        """The path that shows the larger log to be the smaller one, grown."""
        self.known("from", "to")
        if "from" not in request.query_params:
            raise Invalid("from: the smaller size is needed", errors=[{"loc": ["from"], "msg": "is needed"}])
        first = self.whole("from", 0, least=1)
        return Response(consistency(first, self.whole("to", 0, least=1) or None))


class KeysView(ForensicFace):
    """Keys."""

    action = "prove"

    @extend_schema(
        operation_id="list_log_keys",
        summary="List the public keys of the log",
        responses=answers({200: LogKeysAnswer}),
    )
    def get(self, request: Request) -> Response:
        """The keys that have signed checkpoints. Compare them with what you were given by another way."""
        self.known()
        return Response(keys_json())


class AnchorsView(ForensicFace, PagesView):
    """Anchors."""

    action = "prove"
    needs = FORENSICS

    @extend_schema(
        operation_id="list_anchors",
        summary="List anchors of checkpoints",
        parameters=[
            OpenApiParameter("size", int, description="Of this checkpoint."),
            OpenApiParameter("state", str, enum=list(ANCHOR_STATES)),
            *PAGING_PARAMETERS,
        ],
        responses=answers({200: page(AnchorAnswer)}, 422),
    )
    def get(self, request: Request) -> Response:
        """Where checkpoints were handed to outside, the newest first, with receipts and failures."""
        self.known("size", "state", *PAGING)
        rows = Anchor.objects.all()
        if size := self.whole("size", 0, least=1):
            rows = rows.filter(size=size)
        if state := word(request.query_params, "state", ANCHOR_STATES):
            rows = rows.filter(state=state)
        return self.page(rows, ("-id",), lambda found: [anchor_json(each) for each in found])


class LogVerifyView(ForensicFace):
    """The log as a whole."""

    action = "verify"
    needs = FORENSICS

    @extend_schema(
        operation_id="verify_log",
        summary="Verify the log",
        request=None,
        responses=answers({200: LogVerifiedAnswer}),
    )
    def post(self, request: Request) -> Response:
        """Compute every leaf, tile, root and signature anew. A broken log is an answer; nothing is repaired."""
        self.body(NothingForm)
        return Response(log.verify_log().to_json())
