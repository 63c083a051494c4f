"""A view that calls verbs: the caller as an actor."""

from __future__ import annotations

from functools import cached_property
from uuid import UUID

from rest_framework.response import Response
from rest_framework.reverse import reverse

from ..core.commands import Actor
from ..queries import job_json
from ..services import actor_of
from .base import Face


class Acting(Face):
    """Beside what every view has, who acts; the verbs themselves ask what they may."""

    @cached_property
    def actor(self) -> Actor:
        """The caller by value, with groups and permissions as they are now."""
        return actor_of(self.request.user, self.tenant)

    def born(self, job: UUID) -> Response:
        """The answer to a wish that a new job has come of: that job, and where it is."""
        place = reverse("aetheris:job", kwargs={"job": job}, request=self.request)
        return Response(job_json(self.job(job)), status=202, headers={"Location": place})

    def accepted(self, job: UUID) -> Response:
        """The answer to a wish that was granted: the job as it stands now."""
        return Response(job_json(self.job(job)), status=202)
