"""What is kept and what goes: erasing, legal holds, tombstones, retention."""

from __future__ import annotations

from typing import Any, ClassVar
from uuid import UUID

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.reverse import reverse

from .. import services
from ..core.errors import Invalid, NotAllowed, NotFound
from ..core.retention import PRESETS
from ..models import Hold
from ..queries import holds
from ..services.erasing import preview
from ..services.retaining import known
from ..tombstones import problem_of, tombstone_json, tombstone_of, tombstones_of
from . import schemas
from .acting import Acting
from .keeping_shapes import (
    EraseAnswer,
    EraseForm,
    HoldAnswer,
    HoldForm,
    JobHoldForm,
    ReleaseForm,
    RetentionAnswer,
    RetentionForm,
    RetentionReport,
    TombstoneAnswer,
)
from .pagination import PAGING, PagesView

SECONDS, MOST = 10.0, 500  # of one request
STATES = ("standing", "released")


class _Kept(Acting):
    """Looks and deeds both stand in the access log; looking takes a permission of its own."""

    strict = True
    sees: ClassVar[str] = "view_hold"

    def may_see(self) -> None:
        """Refuse whoever may not look.

        Raises:
            NotAllowed: naming the permission.
        """
        name = f"aetheris_jobs.{self.sees}"
        if not self.request.user.has_perm(name):
            who = self.request.user.get_username()
            raise NotAllowed(f"{who} may not see this: the permission {name} is missing; the group auditor has it",
                             code="permission_missing")  # fmt: skip


class EraseView(_Kept):
    """Erasing."""

    action = "erase"

    @extend_schema(
        operation_id="erase_job",
        summary="Erase bodies of a job",
        request=EraseForm,
        responses=schemas.answers({200: EraseAnswer}, 404, 409, 410, 422),
    )
    def post(self, request: Request, job: UUID) -> Response:
        """Erase what a job that has ended has on record: some events, some steps, or all of it.

        Every copy that its rows hold goes in the same commit; the chain still verifies. The same again changes nothing.
        With `dry_run` nothing is erased: the answer lists what would be, and what stands against it.
        """
        wish = self.body(EraseForm)
        choice = {name: wish[name] for name in ("events", "paths", "everything")}
        if wish["dry_run"]:
            return Response(_told(preview(job, actor=self.actor, **choice), dry_run=True))
        done = services.erase(
            job, actor=self.actor, legal_basis=wish["legal_basis"], reason=wish["reason"], also_copies=wish["also_copies"],
            **choice,
        )  # fmt: skip
        return Response(_told(done, dry_run=False))


class JobHoldView(_Kept):
    """A hold on one job."""

    action = "hold"
    actions: ClassVar[dict[str, str]] = {"GET": "view"}

    @extend_schema(
        operation_id="list_holds_of_job",
        summary="List the legal holds that cover a job",
        responses=schemas.answers({200: schemas.page(HoldAnswer)}, 404, 410, 422),
    )
    def get(self, request: Request, job: UUID) -> Response:
        """Those that stand, the oldest first, whatever they are on; `through`: the job by which one covers this one."""
        row = self.job(job)
        self.may_see()
        self.known()
        found = [holds.hold_json(each.hold, None, each.through) for each in holds.covering(row)]
        return Response({"next": None, "previous": None, "results": found})

    @extend_schema(
        operation_id="hold_job",
        summary="Place a legal hold on a job",
        parameters=[schemas.IDEMPOTENCY_KEY],
        request=JobHoldForm,
        responses=schemas.answers({201: HoldAnswer}, 404, 409, 410, 422),
    )
    def post(self, request: Request, job: UUID) -> Response:
        """Until it is released nothing of the job, or of what comes from it, is erased or pruned."""
        return _placed(self, {"scope": "job", "value": str(job), **self.body(JobHoldForm)})


class HoldsView(_Kept, PagesView):
    """Legal holds."""

    action = "hold"
    actions: ClassVar[dict[str, str]] = {"GET": "view"}

    @extend_schema(
        operation_id="list_holds",
        summary="List legal holds",
        parameters=[OpenApiParameter("state", str, enum=list(STATES)), *schemas.PAGING],
        responses=schemas.answers({200: schemas.page(HoldAnswer)}, 422),
    )
    def get(self, request: Request) -> Response:
        """Every hold that was ever placed, with its release; the newest first."""
        self.may_see()
        self.known("state", *PAGING)
        state = request.query_params.get("state")
        if state not in (None, *STATES):
            raise Invalid(f"state: {state[:40]!r} is none of {', '.join(STATES)}", code="bad_state")
        rows = Hold.objects.filter(tenant=self.tenant)
        if state is not None:
            standing = holds.standing(self.tenant).values("id")
            rows = rows.filter(id__in=standing) if state == "standing" else rows.exclude(id__in=standing)
        return self.page(rows, ("-placed_at", "-id"), lambda found: list(holds.with_releases(found)))

    @extend_schema(
        operation_id="place_hold",
        summary="Place a legal hold",
        parameters=[schemas.IDEMPOTENCY_KEY],
        request=HoldForm,
        responses=schemas.answers({201: HoldAnswer}, 404, 409, 410, 422),
    )
    def post(self, request: Request) -> Response:
        """On a job, a tag, an agent, whoever requested, or a query; what comes later, or from such a job, is covered too."""
        return _placed(self, self.body(HoldForm))


class HoldView(_Kept):
    """One legal hold."""

    action = "view"

    @extend_schema(
        operation_id="get_hold",
        summary="Read a legal hold",
        responses=schemas.answers({200: HoldAnswer}, 404),
    )
    def get(self, request: Request, hold: UUID) -> Response:
        """What it is on, by whom, since when and why; and its release, if it was released."""
        self.may_see()
        self.known()
        return Response(_one(self.tenant, hold))


class ReleaseView(_Kept):
    """The release of a legal hold."""

    action = "release"

    @extend_schema(
        operation_id="release_hold",
        summary="Release a legal hold",
        request=ReleaseForm,
        responses=schemas.answers({200: HoldAnswer}, 404, 409, 422),
    )
    def post(self, request: Request, hold: UUID) -> Response:
        """From now on it holds nothing. Both rows stay."""
        wish = self.body(ReleaseForm)
        services.release(hold, reason=wish["reason"], actor=self.actor)
        return Response(_one(self.tenant, hold))


class TombstonesView(_Kept, PagesView):
    """What is left of pruned jobs."""

    action = "view"
    sees = "view_tombstone"

    @extend_schema(
        operation_id="list_tombstones",
        summary="List pruned jobs",
        parameters=[OpenApiParameter("agent", str), *schemas.PAGING],
        responses=schemas.answers({200: schemas.page(TombstoneAnswer)}, 422),
    )
    def get(self, request: Request) -> Response:
        """The tombstones of the tenant, the newest first, each as it was signed."""
        self.may_see()
        self.known("agent", *PAGING)
        rows = tombstones_of(self.tenant)
        agent = request.query_params.get("agent")
        rows = rows.filter(agent=agent) if agent else rows
        return self.page(rows, ("-pruned_at", "-job_id"), lambda found: [_stone(each) for each in found])


class TombstoneView(_Kept):
    """One tombstone."""

    action = "view"
    sees = "view_tombstone"

    @extend_schema(
        operation_id="get_tombstone",
        summary="Read the tombstone of a pruned job",
        responses=schemas.answers({200: TombstoneAnswer}, 404),
    )
    def get(self, request: Request, pruned: UUID) -> Response:
        """Who, when, why, how many events, which head, which archive; what was signed, and whether that still fits."""
        self.may_see()
        self.known()
        row = tombstone_of(self.tenant, pruned)
        if row is None:
            raise NotFound(f"there is no tombstone of job {pruned}")
        return Response(_stone(row))


class RetentionView(_Kept):
    """Retention."""

    action = "prune"
    actions: ClassVar[dict[str, str]] = {"GET": "view"}
    sees = "view_tombstone"

    @extend_schema(
        operation_id="get_retention",
        summary="Read the retention policies",
        responses=schemas.answers({200: RetentionAnswer}),
    )
    def get(self, request: Request) -> Response:
        """The policies in force, in their order: the first one that fits a job holds; and the presets."""
        self.may_see()
        self.known()
        presets = [each.to_json() for each in PRESETS.values()]
        return Response({"policies": [each.to_json() for each in known()], "presets": presets})

    @extend_schema(
        operation_id="apply_retention",
        summary="Apply the retention policies",
        request=RetentionForm,
        responses=schemas.answers({200: RetentionReport}, 422),
    )
    def post(self, request: Request) -> Response:
        """Take away jobs whose time is over, for a while; unless told otherwise only say which these are.

        `more` says that there are others: ask again with `after` as `next` told. Workers do the same by themselves.
        """
        wish = self.body(RetentionForm)
        services.may_retain(self.actor)
        report = services.retain(
            self.tenant, dry_run=wish["dry_run"], seconds=SECONDS, most=MOST, after=wish["after"]
        )
        return Response(report.to_json())


def _placed(face: Acting, wish: dict[str, Any]) -> Response:
    row = services.hold(**wish, actor=face.actor, key=face.idempotency_key())
    place = reverse("aetheris:hold", kwargs={"hold": row.id}, request=face.request)
    return Response(_one(face.tenant, row.id), status=201, headers={"Location": place})


def _one(tenant: str, hold: UUID) -> dict[str, Any]:
    row = Hold.objects.filter(id=hold, tenant=tenant).first()
    if row is None:
        raise NotFound(f"there is no legal hold {hold}")
    return next(holds.with_releases([row]))


def _stone(row: Any) -> dict[str, Any]:
    return {**tombstone_json(row), "problem": problem_of(row)}


def _told(told: dict[str, Any], *, dry_run: bool) -> dict[str, Any]:
    """What was or would be erased, in one shape."""
    nothing: dict[str, Any] = {"events": [], "erased": [], "untouched": None, "head_before": None, "head": None, "parts": 0,
                               "refused": None}  # fmt: skip
    copies = [{"erased": 0, "refused": None, **each} for each in told["copies"]]
    return {**nothing, **told, "copies": copies, "dry_run": dry_run}
