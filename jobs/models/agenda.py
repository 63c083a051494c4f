"""What is to be done: steps, questions to people, debts between jobs, rates."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import ClassVar

from django.db import models
from django.db.models import Q

from ledger.columns import BodyField

from .columns import tenant_column

WHOM = 255  # characters of an addressee
NEVER = datetime(9999, 12, 31, tzinfo=UTC)


class Step(models.Model):
    """The agenda: only what is ready, running, in back-off or parked. `wake_at` says "look at me then".

    `knock_at` is a delivery hint that only the scheduler writes and no decision reads.
    """

    id = models.BigAutoField(primary_key=True)
    job_id = models.UUIDField()
    node = models.CharField(max_length=255)
    tenant = tenant_column()
    kind = models.CharField(max_length=16)
    state = models.CharField(max_length=16)
    fence = models.BigIntegerField(default=0)
    attempt = models.PositiveIntegerField(default=0)
    worker = models.UUIDField(null=True, blank=True)
    priority = models.SmallIntegerField(default=0)
    wake_at = models.DateTimeField(null=True, blank=True)
    knock_at = models.DateTimeField(null=True, blank=True)
    needs = models.CharField(
        max_length=255, default="", blank=True
    )  # what its worker must have registered: agent@version for planning and workflows, or tool:name
    requires = models.TextField(default="", blank=True)  # capabilities, comma-separated
    hold = models.CharField(max_length=16, default="", blank=True)  # version, capability, effect

    class Meta:
        db_table = "aetheris_jobs_step"
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["job_id", "node"], name="one_step_per_node"),
            models.CheckConstraint(
                condition=Q(state__in=["ready", "running", "backoff", "parked"]),
                name="the_agenda_holds_only_what_is_to_be_done",
            ),
            models.CheckConstraint(
                condition=Q(state="running", worker__isnull=False)
                | (~Q(state="running") & Q(worker__isnull=True)),
                name="a_running_step_has_a_worker_and_no_other",
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["wake_at"], condition=Q(wake_at__isnull=False), name="agenda_due"),
            models.Index(fields=["worker"], condition=Q(worker__isnull=False), name="agenda_by_worker"),
            models.Index(fields=["-priority", "id"], condition=Q(state="ready"), name="agenda_by_priority"),
            models.Index(fields=["hold", "id"], condition=~Q(hold=""), name="agenda_held"),
        ]

    def __str__(self) -> str:
        return f"{self.job_id}/{self.node} ({self.state})"


class Approval(models.Model):
    """A question to people, exactly as it was put."""

    id = models.UUIDField(primary_key=True)
    job_id = models.UUIDField()
    node = models.CharField(max_length=255)
    tenant = tenant_column()
    state = models.CharField(max_length=16)  # open, approved, rejected, withdrawn
    question = BodyField()
    shown = BodyField()
    releases = BodyField(default="[]")
    digest = models.CharField(max_length=64)
    groups = models.TextField(default="[]")
    users = models.TextField(default="[]")
    quorum = models.PositiveSmallIntegerField(default=1)
    four_eyes = models.BooleanField(default=False)
    requester = models.CharField(max_length=150)
    deadline = models.DateTimeField(null=True, blank=True)
    on_timeout = models.CharField(max_length=16)
    form = BodyField(default="null")
    votes = BodyField(default="[]")
    voters = models.TextField(default="[]")  # ids of those who have voted or handed their vote on
    delegates = models.TextField(default="[]")  # names of those to whom votes were handed
    requested_at = models.DateTimeField()
    decided_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        db_table = "aetheris_jobs_approval"
        ordering: ClassVar = ["requested_at", "id"]
        indexes: ClassVar = [
            models.Index(fields=["tenant", "state", "requested_at"], name="approvals_by_state"),
            # Inboxes and lists: by deadline, by decision, by age.
            models.Index(
                fields=["tenant", "state", "deadline", "requested_at", "id"], name="approvals_by_deadline"
            ),
            models.Index(fields=["tenant", "-decided_at", "-id"], name="approvals_by_decision"),
            models.Index(fields=["tenant", "-requested_at", "-id"], name="approvals_by_tenant"),
            models.Index(fields=["job_id"], name="approvals_by_job"),
        ]

    def __str__(self) -> str:
        return f"{self.question} ({self.state})"


class Addressee(models.Model):
    """Whom an approval asks: a row for each group, user and delegate, so that an inbox is found and not searched for.

    `whom`: `group:name` or `user:name`. Derived from the approval, and only that.
    """

    id = models.BigAutoField(primary_key=True)
    tenant = tenant_column()
    whom = models.CharField(max_length=WHOM)
    open = models.BooleanField(default=True)
    approval = models.UUIDField()
    job_id = models.UUIDField()
    deadline = models.DateTimeField()  # NEVER: there is none
    requested_at = models.DateTimeField()

    class Meta:
        db_table = "aetheris_jobs_addressee"
        default_permissions = ()
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["approval", "whom"], name="asked_once"),
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["tenant", "whom", "open", "deadline", "requested_at", "approval"],
                name="addressees_by_whom",
            ),
            models.Index(fields=["job_id"], name="addressees_by_job"),
        ]

    def __str__(self) -> str:
        return f"{self.whom} of approval {self.approval}"


class Delivery(models.Model):
    """What one job, or a host's own transaction, owes a job (Law L7). Removed in the receiver's commit.

    `awaits`: held back until that ledger line is settled.
    """

    id = models.UUIDField(primary_key=True)
    tenant = tenant_column()
    job_id = models.UUIDField()
    command = models.CharField(max_length=40)
    body = BodyField()
    wake_at = models.DateTimeField(null=True, blank=True)
    awaits = models.UUIDField(null=True, blank=True)
    attempts = models.PositiveIntegerField(default=0)
    error = BodyField(default="", blank=True)
    created_at = models.DateTimeField()

    class Meta:
        db_table = "aetheris_jobs_delivery"
        verbose_name_plural = "deliveries"
        indexes: ClassVar = [
            models.Index(fields=["wake_at"], condition=Q(wake_at__isnull=False), name="deliveries_due"),
            models.Index(fields=["awaits"], condition=Q(awaits__isnull=False), name="deliveries_held"),
        ]

    def __str__(self) -> str:
        return f"{self.command} to {self.job_id}"


class Rate(models.Model):
    """The rate of a tool: `next_at` is where the next call finds its place."""

    id = models.BigAutoField(primary_key=True)
    tenant = tenant_column()
    tool = models.CharField(max_length=120)
    next_at = models.DateTimeField()

    class Meta:
        db_table = "aetheris_jobs_rate"
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["tenant", "tool"], name="one_rate_per_tool"),
        ]

    def __str__(self) -> str:
        return f"{self.tool}: next at {self.next_at}"
