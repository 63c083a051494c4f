"""What makes the record searchable: who and what events name, how far that index goes, and saved searches."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from jobs.models.columns import tenant_column


class Mention(models.Model):
    """An event names something: a person, a document, a model, a tool, a tag. Derived from events, and only that.

    `kind`: requester, actor, approver, document, model, tool, tag, key, step_outcome,
    reference (a text in a result by which the world outside knows what was done), job (another job, from which something
    came).
    """

    id = models.BigAutoField(primary_key=True)
    tenant = tenant_column()
    kind = models.CharField(max_length=16)
    value = models.CharField(max_length=255)
    at = models.CharField(max_length=27)
    job_id = models.UUIDField()
    seq = models.BigIntegerField()

    class Meta:
        db_table = "aetheris_forensics_mention"
        default_permissions = ("view",)
        ordering: ClassVar = ["-at", "-job_id", "-seq"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["job_id", "seq", "kind", "value"], name="one_mention_per_event"),
        ]
        indexes: ClassVar = [
            models.Index(fields=["tenant", "kind", "value", "at", "job_id", "seq"], name="mentions_by_value"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.value} in {self.job_id}#{self.seq}"


class IndexState(models.Model):
    """How far events have been read into an index.

    `reached`: the last event (by id) that was read. `holes`: ids below it that were not there yet, as JSON `[[first,
    last, seen_at], …]`: their transactions may still commit.
    """

    name = models.CharField(max_length=40, primary_key=True)
    reached = models.BigIntegerField(default=0)
    holes = models.TextField(default="[]")
    at = models.DateTimeField(null=True, blank=True)

    class Meta:
        db_table = "aetheris_forensics_index_state"
        default_permissions = ()

    def __str__(self) -> str:
        return f"{self.name}: {self.reached}"


class SavedSearch(models.Model):
    """A search somebody keeps, for themselves or for all of the tenant."""

    id = models.UUIDField(primary_key=True)
    tenant = tenant_column()
    owner = models.CharField(max_length=150)  # id of the user
    owner_name = models.CharField(max_length=150)
    name = models.CharField(max_length=120)
    shared = models.BooleanField(default=False)
    query = models.TextField()
    created_at = models.DateTimeField()
    changed_at = models.DateTimeField()

    class Meta:
        db_table = "aetheris_forensics_saved_search"
        verbose_name_plural = "saved searches"
        default_permissions = ("view",)
        ordering: ClassVar = ["name", "id"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["tenant", "owner", "name"], name="one_saved_search_per_name"),
        ]
        indexes: ClassVar = [
            models.Index(fields=["tenant", "shared", "name", "id"], name="searches_by_name"),
        ]

    def __str__(self) -> str:
        return self.name
