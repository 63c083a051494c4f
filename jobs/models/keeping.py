"""What may not go, and what is gone: legal holds with their releases, and the tombstones of pruned jobs.

None of these rows is ever changed or removed; triggers keep it so.
"""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from .columns import tenant_column


class Hold(models.Model):
    """A legal hold: while it stands, nothing that it covers is erased or pruned."""

    id = models.UUIDField(primary_key=True)
    tenant = tenant_column()
    scope = models.CharField(max_length=16)  # job, tag, agent, requester, query
    value = models.TextField()  # a job's id, a tag, a name; of a query its canonical JSON
    reason = models.TextField()
    reference = models.CharField(max_length=200, default="", blank=True)  # the case, as others number it
    placed_by = models.CharField(max_length=150)
    placed_by_name = models.CharField(max_length=150)
    placed_at = models.DateTimeField()

    class Meta:
        db_table = "aetheris_jobs_hold"
        ordering: ClassVar = ["-placed_at", "-id"]
        indexes: ClassVar = [models.Index(fields=["tenant", "-placed_at", "-id"], name="holds_by_tenant")]

    def __str__(self) -> str:
        return f"hold on {self.scope} {self.value}"


class HoldRelease(models.Model):
    """The end of a legal hold."""

    hold = models.UUIDField(primary_key=True)
    tenant = tenant_column()
    reason = models.TextField()
    released_by = models.CharField(max_length=150)
    released_by_name = models.CharField(max_length=150)
    released_at = models.DateTimeField()

    class Meta:
        db_table = "aetheris_jobs_hold_release"
        ordering: ClassVar = ["-released_at", "-hold"]

    def __str__(self) -> str:
        return f"release of hold {self.hold}"


class Tombstone(models.Model):
    """What is left of a job that was pruned. `signed` is the text that was signed; the other columns repeat it."""

    job_id = models.UUIDField(primary_key=True)
    tenant = tenant_column()
    agent = models.CharField(max_length=120)
    version = models.CharField(max_length=64)
    status = models.CharField(max_length=16)
    origin = models.UUIDField()
    generation = models.PositiveIntegerField()
    instance = models.UUIDField(null=True, blank=True)
    turn = models.BigIntegerField(null=True, blank=True)
    created_at = models.DateTimeField()
    finished_at = models.DateTimeField()
    events = models.BigIntegerField()
    head_seq = models.BigIntegerField()
    head_hash = models.CharField(max_length=64)
    request_key = models.CharField(max_length=64, default="", blank=True)  # digest of its idempotency key
    request_digest = models.CharField(max_length=64, default="", blank=True)
    pruned_at = models.DateTimeField()
    pruned_by = models.CharField(max_length=150)
    pruned_by_name = models.CharField(max_length=150)
    policy = models.TextField(default="", blank=True)
    reason = models.TextField()
    basis = models.TextField(default="", blank=True)
    archive = models.TextField(default="", blank=True)  # where its package lies
    archive_sha256 = models.CharField(max_length=64, default="", blank=True)
    key = models.CharField(max_length=64)  # the public key, hexadecimal
    signature = models.CharField(max_length=128)  # Ed25519 over `signed`, hexadecimal
    signed = models.TextField()

    class Meta:
        db_table = "aetheris_jobs_tombstone"
        ordering: ClassVar = ["-pruned_at", "-job_id"]
        indexes: ClassVar = [
            models.Index(fields=["tenant", "-pruned_at", "-job_id"], name="tombstones_by_tenant"),
            models.Index(fields=["tenant", "origin"], name="tombstones_by_origin"),
            models.Index(fields=["instance", "turn"], name="tombstones_by_instance"),
            models.Index(fields=["tenant", "request_key"], name="tombstones_by_request"),
        ]

    def __str__(self) -> str:
        return f"job {self.job_id}, pruned"
