"""`/api/jobs/{id}/export` and `/api/forensics/exports`: one evidence package at once, many by a worker."""

from __future__ import annotations

import json
import tempfile
from functools import partial
from pathlib import Path
from typing import Any, ClassVar
from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpResponseBase, QueryDict
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers as s
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.reverse import reverse

from jobs.api.fields import Form, Text
from jobs.api.filters import JobFilter, filtered
from jobs.api.pagination import PAGING, PagesView
from jobs.api.schemas import PAGING as PAGING_PARAMETERS
from jobs.api.schemas import Person, answers, page
from jobs.api.shapes import text, when
from jobs.core.errors import Invalid
from jobs.models import Job
from jobs.queries.jobs import moment

from .. import tasks
from ..models import Export
from ..package import batches, export, names
from .base import ForensicFace
from .files import zip_answer

MAY = "aetheris_forensics.export_evidence"
ZIP = {(200, "application/zip"): OpenApiTypes.BINARY}
PROFILE = OpenApiParameter(
    "profile", str, description="Redaction profile: what is withheld, and how; none unless told."
)


class BatchForm(Form):
    """Jobs by their ids, or by the filters of the list of jobs; and the redaction profile."""

    jobs = s.ListField(child=s.UUIDField(), required=False, min_length=1, max_length=batches.MOST)
    filter = s.DictField(child=Text(max_length=255), required=False)
    profile = Text(max_length=120, required=False)


class Problem(s.Serializer[Any]):
    """A job that could not be exported, and why."""

    job = s.UUIDField()
    code = text()
    message = text()


class ExportAnswer(s.Serializer[Any]):
    """A batch export; `done` of `total` jobs, and how many events those have."""

    id = s.UUIDField()
    state = s.ChoiceField(choices=["queued", "running", "done", "expired"])
    requester = Person()
    profile = text()
    total = s.IntegerField()
    done = s.IntegerField()
    events = s.IntegerField()
    problems = Problem(many=True)
    size = s.IntegerField(allow_null=True)
    sha256 = text(allow_blank=True)
    created_at = when()
    finished_at = when(allow_null=True)
    expires_at = when(allow_null=True)


class ExportView(ForensicFace):
    """The evidence package of a job."""

    action = "export"
    needs = MAY

    @extend_schema(
        operation_id="export_job",
        summary="Export the evidence package of a job",
        parameters=[PROFILE],
        responses={**ZIP, **answers({}, 404, 409, 422)},
    )
    def get(self, request: Request, job: UUID) -> HttpResponseBase:
        """A ZIP that proves what the job did, to be verified without this server. A broken record is refused (409)."""
        self.known("profile")
        found = self.job(job)
        with tempfile.TemporaryDirectory(prefix="aetheris-export-") as folder:
            path = Path(folder) / "package.zip"
            made = export(found.id, path, profile=_profile(request.query_params.get("profile")))
            answer = zip_answer(request._request, path, f"aetheris-{job}.zip")
        answer.headers["X-Aetheris-Head"] = f"{made.seq}:{made.hash}"
        answer.headers["X-Aetheris-SHA256"] = made.sha256
        return answer


class ExportsView(ForensicFace, PagesView):
    """Batch exports."""

    action = "export"
    needs = MAY

    @extend_schema(
        operation_id="list_exports",
        summary="List batch exports",
        parameters=PAGING_PARAMETERS,
        responses=answers({200: page(ExportAnswer)}, 422),
    )
    def get(self, request: Request) -> Response:
        """Batch exports of this tenant, the newest first."""
        self.known(*PAGING)
        rows = batches.exports_of(self.tenant)
        return self.page(rows, ("-created_at", "-id"), lambda found: [export_json(each) for each in found])

    @extend_schema(
        operation_id="export_jobs",
        summary="Export many jobs",
        request=BatchForm,
        responses=answers({202: ExportAnswer}, 409, 422),
    )
    def post(self, request: Request) -> Response:
        """Ask for the packages of many jobs; a worker makes them. Jobs by id, or by the filters of the list of jobs."""
        wish = self.body(BatchForm)
        owner = (str(request.user.pk), request.user.get_username())
        row = batches.ask(self.tenant, owner, self._chosen(wish), _profile(wish.get("profile")))
        transaction.on_commit(partial(tasks.tell, str(row.id)))
        place = reverse("aetheris_forensics:export", kwargs={"export": row.id}, request=request)
        return Response(export_json(row), status=202, headers={"Location": place})

    def _chosen(self, wish: dict[str, Any]) -> QuerySet[Job]:
        if ("jobs" in wish) == ("filter" in wish):
            raise Invalid(
                "give either jobs or filter", errors=[{"loc": ["jobs"], "msg": "either this or filter"}]
            )
        mine = Job.objects.filter(tenant=self.tenant)
        if "jobs" in wish:
            return self._named(mine, wish["jobs"])
        unknown = sorted(set(wish["filter"]) - set(JobFilter.base_filters))
        if unknown:
            message = f"{unknown[0]!r} is no filter; there are {', '.join(JobFilter.base_filters)}"
            raise Invalid(f"filter: {message}", errors=[{"loc": ["filter", unknown[0]], "msg": message}])
        query = QueryDict(mutable=True)
        query.update(wish["filter"])
        return filtered(mine, query)[0]

    @staticmethod
    def _named(mine: QuerySet[Job], ids: list[UUID]) -> QuerySet[Job]:
        found = mine.filter(id__in=ids)
        missing = set(ids) - set(found.values_list("id", flat=True))
        if missing:
            message = f"there is no job {min(missing)}"
            raise Invalid(message, code="no_such_job", errors=[{"loc": ["jobs"], "msg": message}])
        return found


class BatchView(ForensicFace):
    """One batch export."""

    action = "export"
    needs = MAY

    @extend_schema(
        operation_id="get_export", summary="Read a batch export", responses=answers({200: ExportAnswer}, 404)
    )
    def get(self, request: Request, export: UUID) -> Response:
        """How far it is. A batch that lost its worker is given to another."""
        row = batches.export_for(self.tenant, export)
        if row.id in batches.waiting():
            tasks.tell(str(row.id))
        return Response(export_json(row))


class BatchFileView(ForensicFace):
    """The packages of a batch export."""

    action = "export"
    needs = MAY
    summary: ClassVar = "Fetch the packages of a batch export"

    @extend_schema(
        operation_id="download_export", summary=summary, responses={**ZIP, **answers({}, 404, 409)}
    )
    def get(self, request: Request, export: UUID) -> HttpResponseBase:
        """A ZIP with one package per job and `index.json`; 409 until it is done, and when its time is over."""
        row = batches.export_for(self.tenant, export)
        return zip_answer(request._request, batches.result_of(row), f"aetheris-export-{row.id}.zip")


def export_json(row: Export) -> dict[str, Any]:
    """A batch as clients see it."""
    return {
        "id": str(row.id), "state": row.state, "requester": {"id": row.requester, "name": row.requester_name},
        "profile": row.profile, "total": row.total, "done": row.done, "events": row.events,
        "problems": json.loads(row.problems), "size": row.size, "sha256": row.sha256, "created_at": moment(row.created_at),
        "finished_at": moment(row.finished_at), "expires_at": moment(row.expires_at),
    }  # fmt: skip


def _profile(name: str | None) -> str | None:
    if name is None or name in names():
        return name
    message = f"there is no redaction profile {name[:80]!r}; known are {', '.join(names())}"
    raise Invalid(message, code="unknown_profile", errors=[{"loc": ["profile"], "msg": message}])
