"""Agent instances: what a mailbox keeps between the jobs that its messages are."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import Q

from ledger.columns import BodyField

from .columns import tenant_column


class AgentInstance(models.Model):
    """An agent that lives on: its state, and whose turn it is. Every message to it is one job.

    `current`, `last_job`, `kept`, `turn` and `state` follow from the events of its jobs; the auditor compares them.
    """

    id = models.UUIDField(primary_key=True)
    tenant = tenant_column()
    name = models.CharField(max_length=120, null=True, blank=True)  # noqa: DJ001 - NULL: none
    agent = models.CharField(max_length=120)
    version = models.CharField(
        max_length=64, default="", blank=True
    )  # "": each message takes the one of its time
    initial = BodyField(default="{}")  # the state that it was created with
    state = BodyField(default="{}")
    current = models.UUIDField(null=True, blank=True)  # the job whose turn it is
    last_job = models.UUIDField(null=True, blank=True)  # the job that ended last
    kept = models.UUIDField(null=True, blank=True)  # the job whose end gave the state
    turn = models.BigIntegerField(default=0)  # how many turns have been given
    heard_at = models.DateTimeField()  # when the last message came, or it was created
    created_at = models.DateTimeField()
    created_by = models.CharField(max_length=150, default="")
    paused_at = models.DateTimeField(null=True, blank=True)
    paused_by = models.CharField(max_length=150, default="", blank=True)
    deleted_at = models.DateTimeField(null=True, blank=True)
    deleted_by = models.CharField(max_length=150, default="", blank=True)

    class Meta:
        db_table = "aetheris_jobs_agent"
        ordering: ClassVar = ["-created_at", "-id"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["tenant", "name"],
                condition=Q(deleted_at__isnull=True),
                name="one_living_agent_per_name",
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["tenant", "-created_at", "-id"], name="agents_by_tenant"),
        ]

    def __str__(self) -> str:
        return f"{self.name or self.id} ({self.agent})"
