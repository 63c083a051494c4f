"""Parts that many answers have, and what a job tells of its compensation."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers as s


def text(**more: Any) -> s.CharField:
    """Text; `allow_null=True` where it may be missing."""
    return s.CharField(**more)


def when(**more: Any) -> s.DateTimeField:
    """A moment: RFC 3339, UTC, six decimals."""
    return s.DateTimeField(**more)


def texts() -> s.ListField:
    """A list of texts."""
    return s.ListField(child=s.CharField())


def counts(*names: str) -> s.Serializer[Any]:
    """A whole number under each name."""
    made = type(
        "".join(name.title() for name in names) + "Counts",
        (s.Serializer,),
        {n: s.IntegerField() for n in names},
    )
    found: s.Serializer[Any] = made()
    return found


class Effect(s.Serializer[Any]):
    """An effect of a job that has undone what it could; of a child job `job` and `agent`."""

    node = text()
    tool = text(required=False)
    invocation = s.UUIDField(required=False)
    agent = text(required=False)
    job = s.UUIDField(required=False)


class EffectLeft(Effect):
    """One that was not undone: `reason` is one of those in docs/compensation.md."""

    reason = text()
    error = s.JSONField(required=False)


class Compensation(s.Serializer[Any]):
    """What a job has undone at its end, and what it has not."""

    undone = Effect(many=True)
    not_undone = EffectLeft(many=True)
