"""People with addresses, jobs that ask them, and the jobs that tell them."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group

import jobs.notify.work  # noqa: F401 - registers its agent and tools, as NOTIFY does
from jobs import TaskGraph, approve, services
from jobs.core.state import JobState
from jobs.models import Approval, Job
from jobs.notifying import AGENT
from jobs.services import actor_of
from jobs.testing import run_until_parked
from tests.engine.driving import started

URL = "https://agents.example.com"


class Room:
    """A group of its own, with people in it."""

    def __init__(self) -> None:
        self.name = f"g-{uuid4().hex[:12]}"
        self.group = Group.objects.create(name=self.name)

    def join(self, name: str = "", **more: Any) -> Any:
        """Somebody new in the group, with an address."""
        name = name or f"u-{uuid4().hex[:12]}"
        told = {"email": f"{name}@example.com", **more}
        user = get_user_model().objects.create_user(username=name, **told)
        user.groups.add(self.group)
        return user

    def ask(self, *, by: Any = None, **options: Any) -> str:
        """A job that asks this group, and has come to its question."""
        graph = TaskGraph()
        graph.output(
            graph.approval("ask", question="Pay 12.00 EUR?", show={"n": 1}, groups=[self.name], **options)
        )
        drawn = {"graph": graph.to_json()}
        job = started(graph) if by is None else str(services.submit("drawn", drawn, actor=actor_of(by)))
        run_until_parked(job)
        return job


def switch_on(settings: Any, **more: Any) -> None:
    """People are notified from now on."""
    settings.AETHERIS = {**settings.AETHERIS, "NOTIFY": {"url": URL, **more}}


def approval_of(job: str) -> Approval:
    """The one approval of a job."""
    return Approval.objects.get(job_id=job)


def told_of(job: str) -> list[JobState]:
    """Everything that people are told of a job by now, carried out."""
    while services.notify_due() == services.notifying.BATCH:
        continue
    rows = Job.objects.filter(agent=AGENT, goal__contains=job).order_by("created_at", "id")
    return [run_until_parked(str(row)) for row in rows.values_list("id", flat=True)]


def mails_to(outbox: list[Any], *users: Any) -> list[Any]:
    """The mails that these people got."""
    addresses = {user.email for user in users}
    return [mail for mail in outbox if set(mail.to) & addresses]


__all__ = ["Room", "approval_of", "approve", "mails_to", "pytest", "switch_on", "told_of"]
