"""Answers of the API about where a job comes from, and what comes from it."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers as s

from ..queries.jobs import STATUSES


class Source(s.Serializer[Any]):
    """The job that another one comes from, the last of its events that was taken over, and how."""

    job = s.UUIDField()
    seq = s.IntegerField()
    how = s.ChoiceField(choices=["retry", "fork"])


class Offspring(Source):
    """A job that comes from this one."""

    status = s.ChoiceField(choices=STATUSES)
