"""What people outside are still to be told of approvals, and where webhooks go."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from ledger.columns import BodyField

from .columns import tenant_column


class Notice(models.Model):
    """An occasion to tell people of an approval: written with the event that gives it, removed once its jobs exist."""

    id = models.UUIDField(primary_key=True)
    tenant = tenant_column()
    job_id = models.UUIDField()
    approval = models.UUIDField()
    seq = models.BigIntegerField()  # the event that it follows from
    occasion = models.CharField(max_length=16)
    detail = models.CharField(max_length=16, default="", blank=True)  # of a reminder: its offset
    due_at = models.DateTimeField()
    attempts = models.PositiveIntegerField(default=0)
    error = models.CharField(max_length=500, default="", blank=True)

    class Meta:
        db_table = "aetheris_jobs_notice"
        indexes: ClassVar = [
            models.Index(fields=["due_at"], name="notices_due"),
            models.Index(fields=["approval"], name="notices_by_approval"),
        ]

    def __str__(self) -> str:
        return f"{self.occasion} of approval {self.approval}"


class Webhook(models.Model):
    """An address that is told of approvals over HTTP (Standard Webhooks)."""

    id = models.UUIDField(primary_key=True)
    tenant = tenant_column()
    url = BodyField()  # some services put a secret into it
    name = models.CharField(max_length=120, default="", blank=True)
    events = models.TextField(default="[]")  # types of events; none: all
    secrets = BodyField()  # what signs, the newest first: [{"secret": …, "until": … | null}]
    enabled = models.BooleanField(default=True)
    disabled_why = models.CharField(max_length=200, default="", blank=True)
    created_at = models.DateTimeField()
    created_by = models.CharField(max_length=150, default="")
    changed_at = models.DateTimeField()

    class Meta:
        db_table = "aetheris_jobs_webhook"
        ordering: ClassVar = ["-created_at", "-id"]
        permissions: ClassVar = [("manage_webhook", "Can add, change, test and remove webhooks")]
        indexes: ClassVar = [models.Index(fields=["tenant", "-created_at", "-id"], name="webhooks_by_tenant")]

    def __str__(self) -> str:
        return self.name or str(self.id)
