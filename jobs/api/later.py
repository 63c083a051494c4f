"""Routes of the published contract whose machinery is not built yet: refused by name, never ignored."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from ..core.errors import Unsupported
from .base import Face


@extend_schema(exclude=True)
class LaterView(Face):
    """Answers `not_supported_yet`; a job in the path must exist and be visible all the same.

    `what`: the machinery that is missing, as a sentence names it.
    """

    what = ""

    def get(self, request: Request, job: UUID | None = None, **_: Any) -> Response:
        """Refuse.

        Raises:
            NotFound: the job of the path; else Unsupported.
        """
        if job is not None:
            self.job(job)
        raise Unsupported(f"{self.what}: not supported yet by this version")

    post = get
    delete = get
