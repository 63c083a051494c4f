"""Answers of the API as the OpenAPI document describes them. Tests hold real answers against them."""

from __future__ import annotations

from functools import cache
from typing import Any

from drf_spectacular.utils import OpenApiParameter, OpenApiResponse
from rest_framework import serializers as s

from ..queries.jobs import STATUSES
from .fork_schemas import Offspring, Source
from .shapes import Compensation, text, texts, when

STATUS = {"type": "string", "enum": list(STATUSES)}
PAGING = [
    OpenApiParameter("cursor", str, description="Where the page begins: as `next` and `previous` name it."),
    OpenApiParameter("limit", int, description="How many at most; 50 unless told, 200 at most."),
]
IDEMPOTENCY_KEY = OpenApiParameter(
    "Idempotency-Key",
    str,
    OpenApiParameter.HEADER,
    description="1 to 255 characters. The same key and body give the same job; another body is refused.",
)
MEANINGS = {
    401: "No valid token or session.",
    403: "Not allowed.",
    404: "No such thing, or another tenant's.",
    409: "The state does not allow it (any more).",
    410: "The job was pruned; `tombstone` tells.",
    413: "The payload is too large.",
    422: "The request is not valid; `errors` names each field.",
}


class Person(s.Serializer[Any]):
    """Somebody, by value."""

    id = text()
    name = text()


class Wait(s.Serializer[Any]):
    """One thing that a parked job waits for."""

    node = text()
    kind = text()
    name = text(required=False)
    deadline = when(required=False)
    approval = s.UUIDField(required=False)


class Parent(s.Serializer[Any]):
    """The job and step that started a child."""

    job = s.UUIDField()
    node = text()


class Head(s.Serializer[Any]):
    """The last event: its number and hash."""

    seq = s.IntegerField()
    hash = text()


class JobAnswer(s.Serializer[Any]):
    """A job."""

    id = s.UUIDField()
    agent = text()
    version = text()
    status = s.ChoiceField(choices=STATUSES)
    outcome = text(allow_blank=True)
    parked_on = Wait(many=True)
    goal = s.JSONField()
    output = s.JSONField()
    error = s.JSONField()
    requester = Person()
    tags = texts()
    priority = s.IntegerField()
    on_failure = s.ChoiceField(choices=["fail", "compensate"])
    compensation = Compensation(allow_null=True)
    origin = s.UUIDField()
    generation = s.IntegerField()
    forked_from = Source(allow_null=True)
    parent = Parent(allow_null=True)
    instance = s.UUIDField(allow_null=True)
    created_at = when()
    updated_at = when()
    finished_at = when(allow_null=True)
    head = Head()


class WholeJobAnswer(JobAnswer):
    """A job with the jobs that come from it."""

    forks = Offspring(many=True)


class EventAnswer(s.Serializer[Any]):
    """One event; `raw` only where it was asked for."""

    job = s.UUIDField()
    seq = s.IntegerField()
    type = text()
    node = text(allow_blank=True)
    at = when()
    body = s.JSONField()
    salt = text(allow_null=True)
    digest = text()
    prev = text()
    hash = text()
    raw = text(required=False, allow_null=True)


class EventsAnswer(s.Serializer[Any]):
    """Events in order."""

    next = s.URLField(allow_null=True)
    results = EventAnswer(many=True)


class Letter(s.Serializer[Any]):
    """A signal or message that was taken."""

    id = text()
    job = s.UUIDField()


class VoteAnswer(s.Serializer[Any]):
    """One decision; `actor` is null where the deadline decided."""

    decision = text()
    actor = Person(allow_null=True)
    comment = text(allow_blank=True, allow_null=True)
    effect = text()
    to = Person(allow_null=True)
    at = when(allow_null=True)


class AttachmentAnswer(s.Serializer[Any]):
    """A file that an approval shows."""

    name = text()
    media_type = text()
    size = s.IntegerField()
    sha256 = text()
    uri = text()
    state = text(allow_null=True, help_text="same, changed, missing or elsewhere; null in lists.")
    path = text(allow_null=True, help_text="Where to read it, if it is kept here.")


class ApprovalAnswer(s.Serializer[Any]):
    """A question to people, as the caller sees it."""

    id = s.UUIDField()
    job = s.UUIDField()
    node = text()
    state = text()
    question = text()
    shown = s.JSONField()
    attachments = AttachmentAnswer(many=True)
    releases = s.JSONField()
    digest = text()
    groups = texts()
    users = texts()
    delegates = texts()
    quorum = s.IntegerField()
    four_eyes = s.BooleanField()
    requester = text()
    deadline = when(allow_null=True)
    on_timeout = text()
    form = s.JSONField()
    votes = VoteAnswer(many=True)
    requested_at = when()
    decided_at = when(allow_null=True)
    can_decide = s.BooleanField()
    why_not = text(allow_null=True)


class UnresolvedAnswer(s.Serializer[Any]):
    """A call whose outcome nobody knows."""

    id = s.UUIDField()
    job = s.UUIDField()
    node = text()
    tool = text()
    effect = text()
    idempotency_key = text()
    business_key = text(allow_null=True)
    args = s.JSONField()
    attempt = s.IntegerField()
    state = text()
    probe = s.BooleanField()
    promised_at = when()
    deadline = when()
    reason = text(allow_blank=True)
    evidence = s.JSONField()
    compensates = s.UUIDField(allow_null=True)


class VersionAnswer(s.Serializer[Any]):
    """One version of an agent; `offered` tells whether a living worker runs it."""

    version = text()
    form = text()
    schema = s.JSONField()
    default = s.BooleanField()
    description = text(allow_blank=True)
    offered = s.BooleanField()


class DefinitionAnswer(s.Serializer[Any]):
    """An agent."""

    name = text()
    versions = VersionAnswer(many=True)


class ToolAnswer(s.Serializer[Any]):
    """A tool."""

    name = text()
    version = text()
    effect = text()
    schema = s.JSONField()
    requires = texts()
    description = text(allow_blank=True)


class Running(s.Serializer[Any]):
    """A step that a worker runs."""

    job = s.UUIDField()
    node = text()
    attempt = s.IntegerField()


class WorkerAnswer(s.Serializer[Any]):
    """One incarnation of a worker process."""

    id = s.UUIDField()
    name = text()
    host = text()
    pid = s.IntegerField()
    alive = s.BooleanField()
    draining = s.BooleanField()
    registered_at = when()
    alive_until = when()
    slots = s.IntegerField()
    capabilities = texts()
    offers = texts()
    tools = texts()
    running = Running(many=True)


class ProblemAnswer(s.Serializer[Any]):
    """An error (RFC 9457)."""

    type = text()
    title = text()
    status = s.IntegerField()
    detail = text()
    code = text()
    errors = s.ListField(  # type: ignore[assignment]  # a field: the metaclass takes it off the class
        child=s.JSONField(), required=False
    )


JOB, EVENTS, LETTER, APPROVAL, UNRESOLVED = JobAnswer, EventsAnswer, Letter, ApprovalAnswer, UnresolvedAnswer
WHOLE_JOB, DEFINITION, TOOL, WORKER = WholeJobAnswer, DefinitionAnswer, ToolAnswer, WorkerAnswer


@cache
def page(row: type[s.Serializer[Any]]) -> type[s.Serializer[Any]]:
    """The schema of a page of rows."""
    name = row.__name__.removesuffix("Answer") + "Page"
    fields = {
        "next": s.URLField(allow_null=True),
        "previous": s.URLField(allow_null=True),
        "results": row(many=True),
    }
    return type(name, (s.Serializer,), {**fields, "__doc__": "A page."})


def answers(good: dict[int, Any], *bad: int) -> dict[Any, Any]:
    """The responses of an operation: its own, and the problems it may answer with."""
    problems = {
        (status, "application/problem+json"): OpenApiResponse(ProblemAnswer, description=MEANINGS[status])
        for status in (401, 403, *bad)
    }
    return {**good, **problems}
