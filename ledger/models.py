"""The book of account: one line per promised call. A job is a value here, not a foreign key."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import Q

from ledger.columns import BodyField

OPEN = ("open", "unknown")
CLOSED = '{"erased":true}'  # the arguments of a line that outlives its job
RELEASES_ITS_KEY = ("not_landed", "not_sent", "failed", "no_answer", "abandoned", "absent")
STATES = (
    "open", "unknown", "landed", "recalled", "absent", "not_landed", "not_sent", "failed", "no_answer",
    "abandoned", "given_up", "compensated",
)  # fmt: skip


class Invocation(models.Model):
    """A call, promised before it is made and settled after.

    `state`: open (promised), landed, not_landed (the tool said so), not_sent, failed (pure, raised), no_answer
    (idempotent, to be called again), unknown (nobody knows), absent (a probe or a person said it did not happen),
    recalled (another call's result was adopted), abandoned (the job ended without it), given_up (a person closed it;
    whether it happened stays unknown), compensated (it landed and was undone: its business key stays held).
    `compensates`: the line of the call that this one undoes.
    """

    id = models.UUIDField(primary_key=True)
    tenant = models.CharField(max_length=64, default="default")
    job_id = models.UUIDField()
    node = models.CharField(max_length=255)
    tool = models.CharField(max_length=120)
    version = models.CharField(max_length=64)
    schema = models.CharField(max_length=64)
    effect = models.CharField(max_length=16)
    idempotency_key = models.CharField(max_length=64)
    business_key = models.CharField(max_length=512, null=True, blank=True)  # noqa: DJ001 - NULL: has none
    holds = models.BooleanField(default=False)
    args = BodyField()
    args_digest = models.CharField(max_length=64)
    state = models.CharField(max_length=16)
    attempt = models.PositiveIntegerField()
    fence = models.BigIntegerField()
    probe = models.BooleanField(default=False)
    deadline = models.DateTimeField()
    promised_at = models.DateTimeField()
    settled_at = models.DateTimeField(null=True, blank=True)
    result = BodyField(null=True, blank=True)
    error = BodyField(default="", blank=True)
    recalled_from = models.UUIDField(null=True, blank=True)
    compensates = models.UUIDField(null=True, blank=True)

    class Meta:
        db_table = "aetheris_ledger_invocation"
        ordering: ClassVar = ["-promised_at", "-id"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["tenant", "idempotency_key", "job_id"], name="one_line_per_key_and_job"
            ),
            models.UniqueConstraint(
                fields=["tenant", "tool", "business_key"],
                condition=Q(holds=True),
                name="one_holder_per_business_key",
            ),
            models.CheckConstraint(condition=Q(state__in=STATES), name="an_invocation_has_a_known_state"),
        ]
        indexes: ClassVar = [
            models.Index(fields=["job_id", "node"], name="ledger_by_job"),
            # Forensic search: by tool and time, and by the key of the outside world.
            models.Index(fields=["tenant", "tool", "promised_at"], name="ledger_by_tool"),
            models.Index(
                fields=["tenant", "business_key"],
                condition=Q(business_key__isnull=False),
                name="ledger_by_business_key",
            ),
            # The inbox of unresolved effects, and lists of any state or all.
            models.Index(fields=["tenant", "state", "promised_at", "id"], name="ledger_by_state"),
            models.Index(fields=["tenant", "promised_at", "id"], name="ledger_by_tenant"),
        ]

    def __str__(self) -> str:
        return f"{self.tool} {self.business_key or self.idempotency_key} ({self.state})"
