"""Who does it: workers, what they offer, the tick, and tokens of users."""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q

from .columns import tenant_column


class Worker(models.Model):
    """One incarnation of a worker process. Its death is final."""

    id = models.UUIDField(primary_key=True)
    name = models.CharField(max_length=255)
    host = models.CharField(max_length=255)
    pid = models.PositiveIntegerField()
    started = models.CharField(
        max_length=64
    )  # of the process, as the kernel tells it: a pid alone may be reused
    registered_at = models.DateTimeField()
    alive_until = models.DateTimeField()
    dead = models.BooleanField(default=False)
    known_dead = models.BooleanField(default=False)  # somebody saw it die, or it said good-bye
    draining = models.BooleanField(default=False)
    slots = models.PositiveIntegerField(default=1)
    capabilities = models.TextField(default="[]")
    offers = models.TextField(default="[]")  # "agent@version" for planning and workflows, and "tool:name"

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
    tenant = tenant_column()
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
