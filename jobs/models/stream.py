"""A job and its stream: the head, the events, the parts that stand elsewhere."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import Q

from ledger.columns import BodyField

from .columns import tenant_column


class Job(models.Model):
    """One run of an agent towards a goal: the head of its stream, and what the stream derives."""

    id = models.UUIDField(primary_key=True)
    tenant = tenant_column()
    agent = models.CharField(max_length=120)
    version = models.CharField(max_length=64)
    status = models.CharField(max_length=16)
    phase = models.CharField(max_length=16)
    outcome = models.CharField(max_length=16, default="", blank=True)
    head_seq = models.BigIntegerField()
    head_hash = models.CharField(max_length=64)
    goal = BodyField()
    output = BodyField(null=True, blank=True)
    error = BodyField(null=True, blank=True)
    parked_on = models.TextField(default="[]")
    requester = models.CharField(max_length=150)
    requester_name = models.CharField(max_length=150, default="")
    origin = models.UUIDField()
    generation = models.PositiveIntegerField(default=1)  # of its origin: 1, and one more with every retry
    forked_from = models.UUIDField(null=True, blank=True)
    forked_seq = models.BigIntegerField(null=True, blank=True)  # the last event that it takes over
    parent_job = models.UUIDField(null=True, blank=True)
    parent_node = models.CharField(max_length=255, default="", blank=True)
    priority = models.SmallIntegerField(default=0)
    on_failure = models.CharField(max_length=16, default="fail")  # or compensate
    compensation = BodyField(null=True, blank=True)
    tags = models.TextField(default="[]")
    instance = models.UUIDField(null=True, blank=True)  # the agent instance that it is a message to
    line_at = models.DateTimeField(
        null=True, blank=True
    )  # its place in the line, while it waits for its turn
    turn = models.BigIntegerField(null=True, blank=True)  # of the instance; NULL: not yet
    idempotency_key = models.CharField(max_length=255, null=True, blank=True)  # noqa: DJ001 - NULL: none
    request_digest = models.CharField(max_length=64, default="", blank=True)
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        db_table = "aetheris_jobs_job"
        permissions: ClassVar = [
            ("submit_job", "May submit jobs"),
            ("signal_job", "May send signals and messages to jobs"),
            ("control_job", "May pause, resume and cancel jobs"),
            ("resolve_effect", "May resolve unknown outcomes"),
            ("hold_job", "May place and release legal holds"),
            ("erase_job", "May erase what jobs have on record"),
            ("prune_job", "May prune jobs that have ended"),
        ]
        ordering: ClassVar = ["-created_at", "-id"]  # a child job's id is computed, and tells no time
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["tenant", "idempotency_key"], name="one_job_per_idempotency_key"),
            # Two retries of one job would send the same keys side by side.
            models.UniqueConstraint(fields=["tenant", "origin", "generation"], name="one_job_per_generation"),
            models.UniqueConstraint(
                fields=["instance"],
                condition=Q(turn__isnull=False, finished_at__isnull=True),
                name="one_job_at_a_time_for_an_agent",
            ),
            models.UniqueConstraint(
                fields=["instance", "turn"],
                condition=Q(turn__isnull=False),
                name="one_job_per_turn_of_an_agent",
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["tenant", "-created_at", "-id"], name="jobs_by_tenant"),
            models.Index(fields=["tenant", "status", "-created_at", "-id"], name="jobs_by_status"),
            models.Index(fields=["tenant", "agent", "-created_at", "-id"], name="jobs_by_agent"),
            models.Index(
                fields=["forked_from"], condition=Q(forked_from__isnull=False), name="jobs_by_source"
            ),
            models.Index(
                fields=["instance", "line_at", "created_at"],
                condition=Q(line_at__isnull=False),
                name="jobs_in_line",
            ),
            models.Index(
                fields=["instance", "-created_at", "-id"],
                condition=Q(instance__isnull=False),
                name="jobs_by_instance",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.agent} {self.id} ({self.status})"


class Event(models.Model):
    """One fact, written once. A trigger refuses to change or remove it."""

    id = models.BigAutoField(primary_key=True)
    job_id = models.UUIDField()
    seq = models.BigIntegerField()
    tenant = tenant_column()
    type = models.CharField(max_length=40)
    node = models.CharField(max_length=255, default="", blank=True)
    at = models.CharField(max_length=27)  # the text that was hashed, byte for byte
    body = BodyField(null=True)
    salt = BodyField(max_length=32, null=True)
    digest = models.CharField(max_length=64)
    prev = models.CharField(max_length=64)
    hash = models.CharField(max_length=64)

    class Meta:
        db_table = "aetheris_jobs_event"
        ordering: ClassVar = ["job_id", "seq"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["job_id", "seq"], name="one_event_per_seq"),
        ]
        indexes: ClassVar = [
            models.Index(fields=["tenant", "type", "at"], name="events_by_type"),  # forensic search
        ]

    def __str__(self) -> str:
        return f"{self.job_id}#{self.seq} {self.type}"


class Blob(models.Model):
    """A part of a body above 64 KiB, stored once by its digest."""

    id = models.BigAutoField(primary_key=True)
    tenant = tenant_column()
    sha256 = models.CharField(max_length=64)
    text = BodyField()

    class Meta:
        db_table = "aetheris_jobs_blob"
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["tenant", "sha256"], name="one_blob_per_digest"),
        ]

    def __str__(self) -> str:
        return f"{self.sha256[:12]} ({len(self.text)} characters)"
