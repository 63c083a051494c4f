"""Pruning one job: looked at first, then done."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from .. import services
from ..tombstones import problem_of, tombstone_of
from . import schemas
from .acting import Acting
from .keeping_shapes import PruneAnswer, PruneForm


class PruneView(Acting):
    """Pruning."""

    action = "prune"
    strict = True

    @extend_schema(
        operation_id="prune_job",
        summary="Prune a job",
        request=PruneForm,
        responses=schemas.answers({200: PruneAnswer}, 404, 409, 422),
    )
    def post(self, request: Request, job: UUID) -> Response:
        """Take a job that has ended out of the database, its evidence package written first; its tombstone stays.

        Unless told otherwise only say what would go and what stands against it. The second time send `dry_run: false`, the
        `head` that was told, a reason and a legal basis. The same again answers with the tombstone and changes nothing.
        """
        wish = self.body(PruneForm)
        if not wish["dry_run"]:
            _, before = services.prune_seen(
                job, head=wish["head"], reason=wish["reason"], legal_basis=wish["legal_basis"], actor=self.actor,
                archived=wish["archive"],
            )  # fmt: skip
            return Response(self._told(job, dry_run=False) | {"already": before})
        return Response(self._told(job, dry_run=True))

    def _told(self, job: UUID, *, dry_run: bool) -> dict[str, Any]:
        told = services.look(job, actor=self.actor)
        copies = [{"erased": 0, "refused": None, **each} for each in told["copies"]]
        stone = tombstone_of(self.tenant, job)
        if stone is not None and told["tombstone"] is not None:
            told["tombstone"] |= {"problem": problem_of(stone)}
        return {**told, "copies": copies, "dry_run": dry_run}
