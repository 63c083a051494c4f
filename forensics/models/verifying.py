"""Verifications of many jobs: how far each is, what it has found, and what stands broken now."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import Q

from jobs.models.columns import tenant_column

STATES = ("queued", "running", "done", "cancelled", "failed")
AT_WORK = ("queued", "running")


class Verification(models.Model):
    """A look at many jobs, one after the other; taken up again where a worker died.

    `position` is the last job that was looked at; what is counted here was written together with it. `claimed_until`
    says that a worker is at it, by the database's time.
    """

    id = models.UUIDField(primary_key=True)
    tenant = tenant_column()
    source = models.CharField(max_length=16)  # api, admin, command, nightly
    requester = models.CharField(max_length=150)
    requester_name = models.CharField(max_length=150, default="")
    scope = models.TextField(default="{}")  # canonical JSON; {} is everything
    idempotency_key = models.CharField(max_length=255, null=True, blank=True)  # noqa: DJ001 - NULL: none
    request_digest = models.CharField(max_length=64)
    state = models.CharField(max_length=16, default="queued")
    position = models.CharField(max_length=80, default="", blank=True)
    total = models.BigIntegerField(default=0)  # jobs, as counted when it began
    jobs = models.BigIntegerField(default=0)
    events = models.BigIntegerField(default=0)
    broken = models.BigIntegerField(default=0)
    seconds = models.FloatField(default=0.0)  # at work
    claim = models.UUIDField(null=True, blank=True)
    claimed_until = models.DateTimeField(null=True, blank=True)
    problem = models.TextField(default="", blank=True)  # why it failed
    created_at = models.DateTimeField()
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        db_table = "aetheris_forensics_verification"
        default_permissions = ("view",)
        ordering: ClassVar = ["-created_at", "-id"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["tenant", "idempotency_key"], name="one_verification_per_key"),
            models.CheckConstraint(condition=Q(state__in=STATES), name="a_verification_has_a_known_state"),
        ]
        indexes: ClassVar = [
            models.Index(fields=["tenant", "-created_at", "-id"], name="verifications_by_tenant"),
            models.Index(
                fields=["created_at"], condition=Q(state__in=AT_WORK), name="verifications_to_be_done"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.jobs} of {self.total} jobs ({self.state})"


class Place(models.Model):
    """Where a record is not what was written; see `forensics.proof.Break`."""

    tenant = tenant_column()
    job_id = models.UUIDField(null=True, blank=True)
    kind = models.CharField(max_length=24)
    seq = models.BigIntegerField()
    table = models.CharField(max_length=64, default="", blank=True)
    row = models.CharField(max_length=255, default="", blank=True)
    column = models.CharField(max_length=64, default="", blank=True)
    message = models.TextField()

    class Meta:
        abstract = True


class Breakage(Place):
    """What one verification has found: the first break of a job, or rows that belong to none."""

    id = models.BigAutoField(primary_key=True)
    verification = models.UUIDField()
    found_at = models.DateTimeField()

    class Meta:
        db_table = "aetheris_forensics_breakage"
        default_permissions = ("view",)
        ordering: ClassVar = ["id"]
        indexes: ClassVar = [models.Index(fields=["verification", "id"], name="breakages_by_verification")]

    def __str__(self) -> str:
        return f"{self.kind} at event {self.seq} of job {self.job_id}"


class Alarm(Place):
    """A record that stands broken: found so, and by no later verification found whole."""

    id = models.BigAutoField(primary_key=True)
    subject = models.CharField(max_length=120)  # job:ID, or what else is broken
    verification = models.UUIDField(null=True, blank=True)  # that found it last; NULL: of this job alone
    first_at = models.DateTimeField()
    found_at = models.DateTimeField()
    cleared_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        db_table = "aetheris_forensics_alarm"
        verbose_name = "broken record"
        default_permissions = ("view",)
        ordering: ClassVar = ["-found_at", "-id"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["tenant", "subject"], name="one_alarm_per_subject"),
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["tenant", "found_at"], condition=Q(cleared_at__isnull=True), name="alarms_that_stand"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.subject}: {self.kind} at event {self.seq}"
