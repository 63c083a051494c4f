"""Answers that tell of the whole: traces, steps in depth, counts, tokens; as the OpenAPI document has them."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers as s

from ..queries.instances import STATUSES as AGENT_STATUSES
from .schemas import EventAnswer
from .shapes import counts, text, texts, when


class CallAnswer(s.Serializer[Any]):
    """One thing that a step asked of the outside."""

    path = text()
    kind = text()
    name = text(allow_blank=True)
    status = text()
    attempts = s.IntegerField()
    invocation = s.UUIDField(allow_null=True)
    seconds = s.FloatField(allow_null=True)
    error = s.JSONField()
    compensated_by = text(allow_null=True)
    compensated = s.BooleanField()


class StepAnswer(s.Serializer[Any]):
    """One step in a trace."""

    node = text()
    kind = text()
    status = text()
    attempts = s.IntegerField()
    started_at = when(allow_null=True)
    finished_at = when(allow_null=True)
    worker = text(allow_null=True)
    undoes = text(allow_null=True)
    calls = CallAnswer(many=True)
    input = s.JSONField()
    output = s.JSONField()
    error = s.JSONField()


class MomentAnswer(s.Serializer[Any]):
    """One event in one line."""

    seq = s.IntegerField()
    at = when()
    type = text()
    node = text(allow_blank=True)
    summary = text()


class TraceAnswer(s.Serializer[Any]):
    """A job told from its history."""

    job = s.UUIDField()
    status = text()
    tree = StepAnswer(many=True)
    timeline = MomentAnswer(many=True)


class AttemptAnswer(s.Serializer[Any]):
    """One claim of a step."""

    fence = s.IntegerField()
    attempt = s.IntegerField()
    worker = text()
    reason = text()
    started_at = when()
    ended_at = when(allow_null=True)
    end = text(allow_null=True)
    error = s.JSONField()


class NodeAnswer(s.Serializer[Any]):
    """One step, or one call, in depth."""

    node = text()
    kind = text()
    status = text()
    undoes = text(allow_null=True)
    spec = s.JSONField()
    attempts = AttemptAnswer(many=True)
    input = s.JSONField()
    output = s.JSONField()
    error = s.JSONField()
    state_before = s.JSONField()
    state_after = s.JSONField()
    snapshots = s.ListField(child=s.JSONField())
    calls = CallAnswer(many=True)
    events = EventAnswer(many=True)


class OverviewAnswer(s.Serializer[Any]):
    """Counts."""

    now = when()
    tenant = text()
    jobs = s.DictField(child=s.IntegerField())
    agenda = s.DictField(child=s.IntegerField())
    oldest_due = when(allow_null=True)
    workers = counts("alive", "draining", "slots")
    approvals = s.IntegerField()
    unresolved = s.IntegerField()
    deliveries = counts("waiting", "failing")
    broken_records = s.IntegerField(
        help_text="Records that verification has found broken, and not whole since."
    )
    tick = when(allow_null=True)


class StuckAnswer(s.Serializer[Any]):
    """Something that does not go on by itself."""

    cause = text()
    job = s.UUIDField(allow_null=True)
    node = text(allow_blank=True)
    since = when(allow_null=True)
    why = text()
    advice = text()


class MyToken(s.Serializer[Any]):
    """The token that was used."""

    id = s.IntegerField()
    name = text(allow_blank=True)
    prefix = text()
    expires_at = when(allow_null=True)


class MeAnswer(s.Serializer[Any]):
    """The caller."""

    id = text()
    name = text()
    tenant = text()
    groups = texts()
    superuser = s.BooleanField()
    may = texts()
    token = MyToken(allow_null=True)


class TokenAnswer(s.Serializer[Any]):
    """A token, without its text."""

    id = s.IntegerField()
    name = text(allow_blank=True)
    prefix = text()
    tenant = text()
    created_at = when()
    expires_at = when(allow_null=True)
    revoked_at = when(allow_null=True)


class NewTokenAnswer(TokenAnswer):
    """A new token; its text is never shown again."""

    token = text()


class InstanceAnswer(s.Serializer[Any]):
    """An agent instance; `queue` counts the messages that wait for their turn or their time."""

    id = s.UUIDField()
    name = text(allow_null=True)
    agent = text()
    version = text(allow_null=True)
    status = text(help_text=f"One of {', '.join(AGENT_STATUSES)}.")
    queue = s.IntegerField()
    next_due = when(allow_null=True)
    current_job = s.UUIDField(allow_null=True)
    last_job = s.UUIDField(allow_null=True)
    created_at = when()
    created_by = text(allow_blank=True)
    heard_at = when()
    paused_at = when(allow_null=True)
    deleted_at = when(allow_null=True)


class InstanceStateAnswer(s.Serializer[Any]):
    """What an agent instance keeps; `after` is the job whose end left it."""

    id = s.UUIDField()
    state = s.JSONField()
    after = s.UUIDField(allow_null=True)


class SentToAgentAnswer(s.Serializer[Any]):
    """A message that was taken, as the job that it is."""

    job_id = s.UUIDField()
    agent_id = s.UUIDField()
