"""The access log: who looked at what, when and from where; one chain for each tenant."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import Q

from jobs.models.columns import tenant_column


class Access(models.Model):
    """One access to forensic data, written once. A trigger refuses to change or remove it.

    `body` is canonical JSON text and what the chain binds; the other columns repeat parts of it for searching.
    """

    id = models.BigAutoField(primary_key=True)
    tenant = tenant_column()
    seq = models.BigIntegerField()
    at = models.CharField(max_length=27)  # the text that was hashed, byte for byte
    body = models.TextField()
    digest = models.CharField(max_length=64)
    prev = models.CharField(max_length=64)
    hash = models.CharField(max_length=64)
    who = models.CharField(max_length=150)  # the user's name
    user = models.CharField(max_length=150)  # the user's id
    action = models.CharField(max_length=20)
    question = models.CharField(max_length=60)
    job_id = models.UUIDField(null=True, blank=True)
    outcome = models.CharField(max_length=8)  # granted, refused, failed

    class Meta:
        db_table = "aetheris_forensics_access"
        verbose_name = "access"
        verbose_name_plural = "accesses"
        ordering: ClassVar = ["tenant", "-seq"]
        default_permissions = ("view",)
        permissions: ClassVar = [
            ("view_forensics", "May ask forensic questions across jobs"),
            ("export_evidence", "May export evidence"),
            ("verify", "May verify everything"),
        ]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["tenant", "seq"], name="one_access_per_seq"),
        ]
        indexes: ClassVar = [
            models.Index(fields=["tenant", "at", "seq"], name="access_by_time"),
            models.Index(fields=["tenant", "who", "seq"], name="access_by_name"),
            models.Index(fields=["tenant", "user", "seq"], name="access_by_user"),
            models.Index(fields=["tenant", "action", "seq"], name="access_by_action"),
            models.Index(
                fields=["tenant", "job_id", "seq"], condition=Q(job_id__isnull=False), name="access_by_job"
            ),
            models.Index(
                fields=["tenant", "outcome", "seq"],
                condition=~Q(outcome="granted"),
                name="access_not_granted",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.tenant}#{self.seq} {self.who} {self.action} ({self.outcome})"


class AccessHead(models.Model):
    """Where a tenant's access log ends. Whoever appends holds this row for a moment."""

    tenant = models.CharField(max_length=64, primary_key=True)
    seq = models.BigIntegerField(default=0)
    at = models.CharField(max_length=27, default="")
    hash = models.CharField(max_length=64)

    class Meta:
        db_table = "aetheris_forensics_access_head"
        default_permissions = ()

    def __str__(self) -> str:
        return f"{self.tenant}#{self.seq}"
