"""The rows: a job, its events, its agenda; approvals, deliveries, workers. All but events are derived.

Tables are primarily reached by `job_id`; hot tables hold no foreign keys to each other, so that they can
be partitioned or distributed by job. Only `jobs.store` writes them (`jobs.worker` its own row).
"""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q

def _tenant() -> models.CharField[str, str]:
    """The column that every row has which a tenant can see (Law L8)."""
    return models.CharField(max_length=64, default="default")


class Job(models.Model):
    """One run of an agent towards a goal: the head of its stream, and what the stream derives."""

    id = models.UUIDField(primary_key=True)
    tenant = _tenant()
    agent = models.CharField(max_length=120)
    version = models.CharField(max_length=64)
    status = models.CharField(max_length=16)
    phase = models.CharField(max_length=16)
    outcome = models.CharField(max_length=16, default="", blank=True)
    head_seq = models.BigIntegerField()
    head_hash = models.CharField(max_length=64)
    goal = models.TextField()
    output = models.TextField(null=True, blank=True)  # noqa: DJ001 - NULL: not finished
    error = models.TextField(null=True, blank=True)  # noqa: DJ001 - NULL: none
    parked_on = models.TextField(default="[]")
    requester = models.CharField(max_length=150)
    requester_name = models.CharField(max_length=150, default="")
    origin = models.UUIDField()
    parent_job = models.UUIDField(null=True, blank=True)
    parent_node = models.CharField(max_length=255, default="", blank=True)
    priority = models.SmallIntegerField(default=0)
    tags = models.TextField(default="[]")
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
        ]
        ordering: ClassVar = ["-id"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["tenant", "idempotency_key"], name="one_job_per_idempotency_key"),
        ]
        indexes: ClassVar = [
            models.Index(fields=["tenant", "-id"], name="jobs_by_tenant"),
            models.Index(fields=["tenant", "status", "-id"], name="jobs_by_status"),
            models.Index(fields=["tenant", "agent", "-id"], name="jobs_by_agent"),
        ]

    def __str__(self) -> str:
        return f"{self.agent} {self.id} ({self.status})"


class Event(models.Model):
    """One fact, written once. A trigger refuses to change or remove it."""

    id = models.BigAutoField(primary_key=True)
    job_id = models.UUIDField()
    seq = models.BigIntegerField()
    tenant = _tenant()
    type = models.CharField(max_length=40)
    node = models.CharField(max_length=255, default="", blank=True)
    at = models.CharField(max_length=27)  # the text that was hashed, byte for byte
    body = models.TextField(null=True)  # noqa: DJ001 - NULL: erased
    salt = models.CharField(max_length=32, null=True)  # noqa: DJ001 - NULL: erased
    digest = models.CharField(max_length=64)
    prev = models.CharField(max_length=64)
    hash = models.CharField(max_length=64)

    class Meta:
        db_table = "aetheris_jobs_event"
        ordering: ClassVar = ["job_id", "seq"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["job_id", "seq"], name="one_event_per_seq"),
        ]

    def __str__(self) -> str:
        return f"{self.job_id}#{self.seq} {self.type}"


class Blob(models.Model):
    """A part of a body above 64 KiB, stored once by its digest."""

    id = models.BigAutoField(primary_key=True)
    tenant = _tenant()
    sha256 = models.CharField(max_length=64)
    text = models.TextField()

    class Meta:
        db_table = "aetheris_jobs_blob"
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["tenant", "sha256"], name="one_blob_per_digest"),
        ]

    def __str__(self) -> str:
        return f"{self.sha256[:12]} ({len(self.text)} characters)"


class Step(models.Model):
    """The agenda: only what is ready, running, in back-off or parked. `wake_at` says "look at me then".

    `knock_at` is a delivery hint that only the scheduler writes and no decision reads.
    """

    id = models.BigAutoField(primary_key=True)
    job_id = models.UUIDField()
    node = models.CharField(max_length=255)
    tenant = _tenant()
    kind = models.CharField(max_length=16)
    state = models.CharField(max_length=16)
    fence = models.BigIntegerField(default=0)
    attempt = models.PositiveIntegerField(default=0)
    worker = models.UUIDField(null=True, blank=True)
    wake_at = models.DateTimeField(null=True, blank=True)
    knock_at = models.DateTimeField(null=True, blank=True)
    needs = models.CharField(max_length=255, default="", blank=True)  # agent@version, for planning and workflows
    requires = models.CharField(max_length=255, default="", blank=True)  # capabilities, comma-separated
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
                condition=Q(state="running", worker__isnull=False) | (~Q(state="running") & Q(worker__isnull=True)),
                name="a_running_step_has_a_worker_and_no_other",
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["wake_at"], condition=Q(wake_at__isnull=False), name="agenda_due"),
            models.Index(fields=["worker"], condition=Q(worker__isnull=False), name="agenda_by_worker"),
            models.Index(fields=["hold", "id"], condition=~Q(hold=""), name="agenda_held"),
        ]

    def __str__(self) -> str:
        return f"{self.job_id}/{self.node} ({self.state})"


class Approval(models.Model):
    """A question to people, exactly as it was put."""

    id = models.UUIDField(primary_key=True)
    job_id = models.UUIDField()
    node = models.CharField(max_length=255)
    tenant = _tenant()
    state = models.CharField(max_length=16)  # open, approved, rejected, withdrawn
    question = models.TextField()
    shown = models.TextField()
    releases = models.TextField(default="[]")
    digest = models.CharField(max_length=64)
    groups = models.TextField(default="[]")
    users = models.TextField(default="[]")
    quorum = models.PositiveSmallIntegerField(default=1)
    four_eyes = models.BooleanField(default=False)
    requester = models.CharField(max_length=150)
    deadline = models.DateTimeField(null=True, blank=True)
    on_timeout = models.CharField(max_length=16)
    form = models.TextField(default="null")
    votes = models.TextField(default="[]")
    requested_at = models.DateTimeField()
    decided_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        db_table = "aetheris_jobs_approval"
        ordering: ClassVar = ["requested_at", "id"]
        indexes: ClassVar = [
            models.Index(fields=["tenant", "state", "requested_at"], name="approvals_by_state"),
            models.Index(fields=["job_id"], name="approvals_by_job"),
        ]

    def __str__(self) -> str:
        return f"{self.question} ({self.state})"


class Delivery(models.Model):
    """What one job, or a host's own transaction, owes a job (Law L7). Removed in the receiver's commit.

    `awaits`: held back until that ledger line is settled.
    """

    id = models.UUIDField(primary_key=True)
    tenant = _tenant()
    job_id = models.UUIDField()
    command = models.CharField(max_length=40)
    body = models.TextField()
    wake_at = models.DateTimeField(null=True, blank=True)
    awaits = models.UUIDField(null=True, blank=True)
    attempts = models.PositiveIntegerField(default=0)
    error = models.TextField(default="", blank=True)
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


class Worker(models.Model):
    """One incarnation of a worker process. Its death is final."""

    id = models.UUIDField(primary_key=True)
    name = models.CharField(max_length=255)
    host = models.CharField(max_length=255)
    pid = models.PositiveIntegerField()
    started = models.CharField(max_length=32)  # of the process, as the kernel tells it: a pid alone may be reused
    registered_at = models.DateTimeField()
    alive_until = models.DateTimeField()
    dead = models.BooleanField(default=False)
    known_dead = models.BooleanField(default=False)  # somebody saw it die, or it said good-bye
    draining = models.BooleanField(default=False)
    slots = models.PositiveIntegerField(default=1)
    capabilities = models.TextField(default="[]")
    offers = models.TextField(default="[]")  # "agent@version", for planning and workflows

    class Meta:
        db_table = "aetheris_jobs_worker"
        ordering: ClassVar = ["-registered_at"]
        indexes: ClassVar = [
            models.Index(fields=["alive_until"], condition=Q(dead=False), name="living_workers"),
        ]

    def __str__(self) -> str:
        return f"{self.name} ({'dead' if self.dead else 'alive'})"


class Definition(models.Model):
    """What workers offer: agents with versions and goal schemas, tools with argument schemas."""

    id = models.BigAutoField(primary_key=True)
    kind = models.CharField(max_length=8)  # agent, tool
    name = models.CharField(max_length=120)
    version = models.CharField(max_length=64)
    form = models.CharField(max_length=16, default="", blank=True)  # planner, workflow; a tool's effect
    schema = models.TextField(default="{}")
    default = models.BooleanField(default=False)
    requires = models.TextField(default="[]")
    description = models.TextField(default="", blank=True)
    seen_at = models.DateTimeField()

    class Meta:
        db_table = "aetheris_jobs_definition"
        ordering: ClassVar = ["kind", "name", "version"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["kind", "name", "version"], name="one_definition_per_version"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.name}@{self.version}"


class Tick(models.Model):
    """The clock's hand: whoever claims the row does the sweep."""

    name = models.CharField(max_length=40, primary_key=True)
    claimed_until = models.DateTimeField()
    finished_at = models.DateTimeField(null=True, blank=True)
    answered_at = models.DateTimeField(null=True, blank=True)  # since when ticks go through again after a gap

    class Meta:
        db_table = "aetheris_jobs_tick"

    def __str__(self) -> str:
        return self.name


class Token(models.Model):
    """A bearer token; only its digest is kept."""

    id = models.BigAutoField(primary_key=True)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    tenant = _tenant()
    name = models.CharField(max_length=120, default="", blank=True)
    prefix = models.CharField(max_length=12)
    digest = models.CharField(max_length=64, unique=True)
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        db_table = "aetheris_jobs_token"
        ordering: ClassVar = ["-created_at"]

    def __str__(self) -> str:
        return f"{self.prefix}… of {self.user}"
