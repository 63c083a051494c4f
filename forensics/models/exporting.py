"""Batch exports: which jobs, how far, and where the result lies."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import Q

STATES = ("queued", "running", "done", "expired")


class Export(models.Model):
    """Packages of many jobs, asked for in one go.

    `jobs` are their ids in order, fixed when they were asked for. `claimed_until` says that a worker is at it; once
    that has passed another may take it up, and what lies on disk already is not made again.
    """

    id = models.UUIDField(primary_key=True)
    tenant = models.CharField(max_length=64, default="default")
    requester = models.CharField(max_length=150)
    requester_name = models.CharField(max_length=150, default="")
    profile = models.CharField(max_length=120)
    jobs = models.TextField()
    total = models.PositiveIntegerField()
    done = models.PositiveIntegerField(default=0)
    events = models.BigIntegerField(default=0)  # of the jobs that are done
    state = models.CharField(max_length=16, default="queued")
    problems = models.TextField(default="[]")  # jobs that could not be exported: {job, code, message}
    claimed_until = models.DateTimeField(null=True, blank=True)
    claim = models.UUIDField(null=True, blank=True)
    size = models.BigIntegerField(null=True, blank=True)
    sha256 = models.CharField(max_length=64, default="", blank=True)
    created_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True, blank=True)
    expires_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        db_table = "aetheris_forensics_export"
        default_permissions = ("view",)
        ordering: ClassVar = ["-created_at", "-id"]
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(state__in=STATES), name="an_export_has_a_known_state"),
        ]
        indexes: ClassVar = [
            models.Index(fields=["tenant", "-created_at", "-id"], name="exports_by_tenant"),
            models.Index(
                fields=["claimed_until"],
                condition=Q(state__in=["queued", "running"]),
                name="exports_to_be_done",
            ),
            models.Index(fields=["expires_at"], condition=Q(state="done"), name="exports_to_be_cleaned"),
        ]

    def __str__(self) -> str:
        return f"{self.total} jobs ({self.state})"
