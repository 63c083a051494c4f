"""What every forensic view has in common: it says what it does, so that the access log can tell."""

from __future__ import annotations

from typing import Any

from rest_framework.request import Request

from jobs.api.base import Face
from jobs.core.errors import NotAllowed
from jobs.models import Job


class ForensicFace(Face):
    """A view of forensic data.

    `action` is the word under which an access stands in the access log: verify, replay, export, view, search, prove.
    `needs` is the permission that it takes; questions across jobs take `aetheris_forensics.view_forensics`, those about
    one job none beside seeing the job.
    """

    action = "view"
    strict = True
    needs = ""

    def sees(self, job: Job) -> bool:
        """Whether whoever asks may see a job of their tenant; here whoever may see one may see all."""
        return job.tenant == self.tenant

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Authenticate, then ask for the permission; before it for the job, so that another tenant's is not found.

        Raises:
            NotFound: there is no such job.
            NotAllowed: naming the permission that is missing.
        """
        super().initial(request, *args, **kwargs)
        if self.needs and "job" in kwargs:
            self.job(kwargs["job"])
        if self.needs and not request.user.has_perm(self.needs):
            name = request.user.get_username()
            raise NotAllowed(
                f"{name} may not ask this: the permission {self.needs} is missing; the group auditor has it",
                code="permission_missing",
            )
