"""Answers of the transparency log as the OpenAPI document describes them."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers as s

from jobs.api.schemas import Head
from jobs.api.shapes import text, texts, when

from ..models.transparency import ANCHOR_STATES


class CheckpointAnswer(s.Serializer[Any]):
    """A signed head of the log; `note` is the text that an outsider keeps, `root_hash` in hex, `key` the id of its signer."""

    size = s.IntegerField()
    origin = text()
    root_hash = text()
    key = text()
    at = when()
    note = s.CharField(trim_whitespace=False)


class InclusionAnswer(s.Serializer[Any]):
    """The proof that a head of a job is a leaf under a checkpoint (RFC 9162, 2.1.3); hashes in hex."""

    job = s.UUIDField()
    seq = s.IntegerField()
    leaf = s.CharField(trim_whitespace=False)
    index = s.IntegerField()
    size = s.IntegerField()
    path = texts()
    checkpoint = s.CharField(trim_whitespace=False)
    head = Head()
    not_yet_witnessed = s.IntegerField()


class ConsistencyAnswer(s.Serializer[Any]):
    """The proof that the log of `to` leaves is that of `from`, grown (RFC 9162, 2.1.4); hashes in hex."""

    to = s.IntegerField()
    path = texts()

    def get_fields(self) -> dict[str, s.Field[Any, Any, Any, Any]]:
        """`from` is a word of the language, and no name of a class."""
        return {"from": s.IntegerField(), **super().get_fields()}


class LogKeyAnswer(s.Serializer[Any]):
    """A public key of the log (C2SP signed-note); `pinned`: the settings name it."""

    key = text()
    pinned = s.BooleanField()
    first_at = when(allow_null=True)
    retired_at = when(allow_null=True)


class LogKeysAnswer(s.Serializer[Any]):
    """The keys that have signed checkpoints, and the one that signs now."""

    signing = text(allow_null=True)
    keys = LogKeyAnswer(many=True)


class AnchorAnswer(s.Serializer[Any]):
    """A checkpoint handed to a place outside, or the failure to do so, which is tried again at `next_at`."""

    size = s.IntegerField()
    target = text()
    state = s.ChoiceField(choices=ANCHOR_STATES)
    attempts = s.IntegerField()
    error = text(allow_blank=True)
    receipt = text(allow_blank=True)
    at = when()
    next_at = when(allow_null=True)


class LogBreakAnswer(s.Serializer[Any]):
    """The first place where the log is not what was written: number of a leaf, or size of a checkpoint."""

    kind = text()
    place = s.IntegerField()
    message = text()
    table = text()


class LogVerifiedAnswer(s.Serializer[Any]):
    """Whether the log agrees with itself; `unsigned` leaves are newer than every checkpoint."""

    ok = s.BooleanField()
    leaves = s.IntegerField()
    checkpoints = s.IntegerField()
    root_hash = text()
    unsigned = s.IntegerField()
    problem = LogBreakAnswer(allow_null=True)
