"""The transparency log: one Merkle tree of heads for the whole installation, its signed checkpoints, and their anchors.

Leaves carry the tenant whose head they are; tiles, checkpoints and anchors are of the log and name nobody's data.
"""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import Q

from jobs.models.columns import tenant_column

ANCHOR_STATES = ("done", "failed", "superseded")


class LogLeaf(models.Model):
    """One leaf, written once. `text` is what is hashed; the other columns repeat it for searching.

    A head of a job has its `job_id`; without one it is the head of the tenant's access log.
    """

    index = models.BigIntegerField(primary_key=True)
    tenant = tenant_column()
    job_id = models.UUIDField(null=True, blank=True)
    seq = models.BigIntegerField()
    text = models.TextField()

    class Meta:
        db_table = "aetheris_forensics_log_leaf"
        ordering: ClassVar = ["index"]
        default_permissions = ("view",)
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["job_id", "seq"], name="one_leaf_per_head"),
            models.UniqueConstraint(
                fields=["tenant", "seq"], condition=Q(job_id__isnull=True), name="one_leaf_per_access_head"
            ),
        ]

    def __str__(self) -> str:
        return f"leaf {self.index}"


class LogTile(models.Model):
    """Up to 256 hashes side by side on every eighth level of the tree; it only grows."""

    level = models.SmallIntegerField()
    number = models.BigIntegerField()
    hashes = models.BinaryField()

    class Meta:
        db_table = "aetheris_forensics_log_tile"
        default_permissions = ()
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["level", "number"], name="one_tile_per_place")
        ]

    def __str__(self) -> str:
        return f"tile {self.number} of level {self.level}"


class LogState(models.Model):
    """Where the log ends, and how far events have been looked at. Whoever appends holds this row for a moment.

    `settled`: every event up to this id has been looked at, long after anybody could still commit one. `marks`: ids
    that were the last ones at a moment, as JSON `[[id, at], …]`, to become `settled` when they are old enough.
    """

    id = models.SmallIntegerField(primary_key=True, default=1)
    size = models.BigIntegerField(default=0)
    settled = models.BigIntegerField(default=0)
    marks = models.TextField(default="[]")

    class Meta:
        db_table = "aetheris_forensics_log_state"
        default_permissions = ()

    def __str__(self) -> str:
        return f"{self.size} leaves"


class Checkpoint(models.Model):
    """A signed head of the log, written once; `text` is the signed note."""

    size = models.BigIntegerField(primary_key=True)
    origin = models.CharField(max_length=255)
    root = models.CharField(max_length=64)
    key = models.CharField(max_length=8)  # id of the key that signed it, in hex
    text = models.TextField()
    at = models.DateTimeField()

    class Meta:
        db_table = "aetheris_forensics_checkpoint"
        ordering: ClassVar = ["-size"]
        default_permissions = ("view",)

    def __str__(self) -> str:
        return f"{self.size} leaves"


class LogKey(models.Model):
    """A public key that has signed checkpoints; the private one is never in the database."""

    vkey = models.CharField(max_length=400, primary_key=True)
    first_at = models.DateTimeField()
    retired_at = models.DateTimeField(null=True, blank=True)  # when another one signed for the first time

    class Meta:
        db_table = "aetheris_forensics_log_key"
        ordering: ClassVar = ["first_at", "vkey"]
        default_permissions = ("view",)

    def __str__(self) -> str:
        return self.vkey


class Anchor(models.Model):
    """One checkpoint handed to one place outside, or the failure to do so.

    `target` is the place as the settings name it, without what is secret in it. `receipt` is what the place gave back:
    a time-stamp in base64, a status.
    """

    id = models.BigAutoField(primary_key=True)
    target = models.CharField(max_length=255)
    size = models.BigIntegerField()
    state = models.CharField(max_length=12)
    attempts = models.IntegerField(default=0)
    next_at = models.DateTimeField(null=True, blank=True)
    error = models.TextField(default="", blank=True)
    receipt = models.TextField(default="", blank=True)
    at = models.DateTimeField()

    class Meta:
        db_table = "aetheris_forensics_anchor"
        ordering: ClassVar = ["-id"]
        default_permissions = ("view",)
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["target", "size"], name="one_anchor_per_checkpoint"),
            models.CheckConstraint(condition=Q(state__in=ANCHOR_STATES), name="an_anchor_has_a_known_state"),
        ]
        indexes: ClassVar = [models.Index(fields=["size"], name="anchors_by_checkpoint")]

    def __str__(self) -> str:
        return f"{self.size} leaves at {self.target}: {self.state}"
