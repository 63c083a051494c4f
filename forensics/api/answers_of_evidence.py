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


class PartOfJob(GraphAnswer):
    """A part of another job's graph, each node with `distance` and `how`."""

    status = text()
    distance = s.IntegerField()


class Place(s.Serializer[Any]):
    """A node of a job."""

    job = s.UUIDField()
    node = text()


class Link(s.Serializer[Any]):
    """From what came of something in one job to what it came of in another."""

    to = Place()
    kind = text()
    how = text()
    via = text(allow_blank=True)

    def get_fields(self) -> dict[str, s.Field[Any, Any, Any, Any]]:
        """`from` is a word of the language, and no name of a class."""
        return {"from": Place(), **super().get_fields()}


class AbsentJob(s.Serializer[Any]):
    """A job to which it leads and that is not shown: withheld, pruned, broken, or cut."""

    job = s.UUIDField()
    state = text()
    why = text()


class AcrossAnswer(s.Serializer[Any]):
    """Other jobs to which a walk leads, page by page; `cut`: it ended early, because there are too many."""

    next = s.URLField(allow_null=True)
    previous = s.URLField(allow_null=True)
    results = PartOfJob(many=True)
    links = Link(many=True)
    absent = AbsentJob(many=True)
    cut = s.BooleanField()
    behind = s.IntegerField()


class WalkAnswer(GraphAnswer):
    """A part of it: what was meant, each node with `distance` and `how`, and the jobs beyond."""

    of = s.ListField(child=text())
    beyond = s.ListField(child=s.UUIDField())
    across = AcrossAnswer()


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


class FollowedFurther(s.Serializer[Any]):
    """What followed in a job to which another has led; `state` other than shown says why it is not."""

    job = s.UUIDField()
    agent = text(allow_blank=True)
    version = text(allow_blank=True)
    status = text(allow_blank=True)
    distance = s.IntegerField(allow_null=True)
    state = text()
    why = text(allow_blank=True)
    effects = Node(many=True)


class Followed(s.Serializer[Any]):
    """What followed in one job that names it, and in those in which something came of that."""

    job = s.UUIDField()
    agent = text(allow_blank=True)
    version = text(allow_blank=True)
    status = text(allow_blank=True)
    of = s.ListField(child=text())
    effects = Node(many=True)
    beyond = s.ListField(child=s.UUIDField())
    across = FollowedFurther(many=True)
    cut = s.BooleanField()
    problem = text(allow_null=True)


class FollowedPage(s.Serializer[Any]):
    """A page of jobs."""

    next = s.URLField(allow_null=True)
    previous = s.URLField(allow_null=True)
    results = Followed(many=True)
    behind = s.IntegerField()
