"""Answers about evidence, as the OpenAPI document tells them."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers as s

from jobs.api.shapes import text, when


class Node(s.Serializer[Any]):
    """A node; beside these members it has those of its kind, and `erased` or `withheld` where something is gone."""

    id = text()
    kind = text()
    seq = s.IntegerField()
    at = when()


class Edge(s.Serializer[Any]):
    """From what came of something to what it came of; `how` says how that is known: declared, observed, or order."""

    to = text()
    kind = text()
    how = text()
    seq = s.IntegerField()
    via = text(allow_blank=True)

    def get_fields(self) -> dict[str, s.Field[Any, Any, Any, Any]]:
        """`from` is a word of the language, and no name of a class."""
        return {"from": text(), **super().get_fields()}


class GraphAnswer(s.Serializer[Any]):
    """The evidence graph of a job."""

    job = s.UUIDField()
    agent = text()
    version = text()
    nodes = Node(many=True)
    edges = Edge(many=True)
    complete = s.BooleanField()


class WalkAnswer(GraphAnswer):
    """A part of it: what was meant, each node with `distance` and `how`, and the jobs beyond."""

    of = s.ListField(child=text())
    beyond = s.ListField(child=s.UUIDField())


class Basis(s.Serializer[Any]):
    """What a decision rests on."""

    id = text()
    kind = text()
    how = text()


class DecisionActor(s.Serializer[Any]):
    """A person, the model that answered, or the agent."""

    kind = text()
    id = text()
    name = text()


class Decision(s.Serializer[Any]):
    """One decision or deed."""

    seq = s.IntegerField()
    at = when()
    settled_at = s.DateTimeField(allow_null=True)
    kind = text()
    id = text()
    step = text(allow_null=True)
    what = text()
    actor = DecisionActor()
    basis = Basis(many=True)
    erased = s.BooleanField(required=False)
    withheld = s.BooleanField(required=False)


class TimelineAnswer(s.Serializer[Any]):
    """The decision timeline, and the tree plan, step, call."""

    job = s.UUIDField()
    agent = text()
    version = text()
    status = text()
    decisions = Decision(many=True)
    tree = s.JSONField()


class ReasoningAnswer(s.Serializer[Any]):
    """One step in depth."""

    job = s.UUIDField()
    node = text()
    goal = s.JSONField()
    state = s.JSONField()
    attempts = s.JSONField()
    outcome = s.JSONField()
    changes = s.JSONField()


class Answer(s.Serializer[Any]):
    """Who had an effect done, when and why."""

    job = s.UUIDField()
    sentence = text()
    effect = Node()
    agent = s.JSONField()
    submitted_by = s.JSONField()
    approved_by = s.JSONField()
    based_on = s.JSONField()


class WhoAnswer(s.Serializer[Any]):
    """Of every effect that is meant, the newest first."""

    results = Answer(many=True)
    behind = s.IntegerField()


class Followed(s.Serializer[Any]):
    """What followed in one job."""

    job = s.UUIDField()
    agent = text()
    version = text()
    status = text()
    of = s.ListField(child=text())
    effects = Node(many=True)
    beyond = s.ListField(child=s.UUIDField())
    problem = text(allow_null=True)


class FollowedPage(s.Serializer[Any]):
    """A page of jobs."""

    next = s.URLField(allow_null=True)
    previous = s.URLField(allow_null=True)
    results = Followed(many=True)
    behind = s.IntegerField()
