"""Bodies and answers of what is kept and what goes."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers as s

from ..core.retention import THENS
from ..queries.holds import SCOPES
from .fields import AnyJSON, Form, Text, Truth, Whole
from .schemas import Head
from .shapes import text, texts, when

LONGEST = 2000


class EraseForm(Form):
    """What is erased: exactly one of `events`, `paths` and `everything`."""

    legal_basis = Text(required=False, default="", allow_blank=True, max_length=LONGEST,
                       help_text="On what ground, for example Art. 17 (1) (b) GDPR.")  # fmt: skip
    reason = Text(required=False, default="", allow_blank=True, max_length=LONGEST)
    events = s.ListField(child=Whole(min_value=1), required=False, allow_null=True, default=None, max_length=100_000,
                         help_text="Numbers of events.")  # fmt: skip
    paths = s.ListField(child=Text(max_length=400), required=False, allow_null=True, default=None, max_length=1000,
                        help_text="Steps or calls, each with everything below it.")  # fmt: skip
    everything = Truth(required=False, default=False)
    also_copies = Truth(
        required=False, default=False, help_text="Also what other jobs have copied of this one."
    )
    dry_run = Truth(required=False, default=False, help_text="Only say what would be erased.")


class WhyForm(Form):
    """Why."""

    reason = Text(max_length=LONGEST)


class ReleaseForm(WhyForm):
    """Why a hold is released."""


class JobHoldForm(WhyForm):
    """Why a job is held, and under which number others know the case."""

    reference = Text(required=False, default="", allow_blank=True, max_length=200,
                     help_text="Case or file number.")  # fmt: skip


class HoldForm(JobHoldForm):
    """A legal hold; the value of a query is an object, of which all must hold."""

    scope = s.ChoiceField(choices=SCOPES)
    value = AnyJSON(help_text="A job's id, a tag, an agent, who requested; or a query.")


class Told(s.Serializer[Any]):
    """A refusal."""

    code = text()
    message = text()


class Somebody(s.Serializer[Any]):
    """Who."""

    id = text()
    name = text()


class ErasedEvent(s.Serializer[Any]):
    """An event whose body is gone; its digest stays in the chain."""

    seq = s.IntegerField()
    digest = text()


class ErasableEvent(s.Serializer[Any]):
    """An event whose body would go."""

    seq = s.IntegerField()
    type = text()
    node = text(allow_blank=True)
    at = when()


class CopyAnswer(s.Serializer[Any]):
    """Another job that holds something of this one, and what became of that."""

    job = s.UUIDField()
    relation = text()
    status = text()
    paths = texts()
    erased = s.IntegerField()
    refused = Told(allow_null=True)


class EraseAnswer(s.Serializer[Any]):
    """What was erased; of a dry run what would be, and what stands against it."""

    job = s.UUIDField()
    dry_run = s.BooleanField()
    erased = ErasedEvent(many=True)
    events = ErasableEvent(many=True)
    untouched = s.IntegerField(allow_null=True)
    head_before = Head(allow_null=True)
    head = Head(allow_null=True)
    parts = s.IntegerField()
    copies = CopyAnswer(many=True)
    refused = Told(allow_null=True)


class ReleaseAnswer(s.Serializer[Any]):
    """The end of a hold."""

    reason = text()
    by = Somebody()
    at = when()


class HoldAnswer(s.Serializer[Any]):
    """A legal hold; `released` is null while it stands."""

    id = s.UUIDField()
    scope = s.ChoiceField(choices=SCOPES)
    value = s.JSONField()
    reason = text()
    reference = text(allow_blank=True)
    through = s.UUIDField(allow_null=True)
    placed_by = Somebody()
    placed_at = when()
    released = ReleaseAnswer(allow_null=True)


class ArchiveAnswer(s.Serializer[Any]):
    """Where the evidence package lies, and its digest."""

    path = text()
    sha256 = text()


class TombstoneAnswer(s.Serializer[Any]):
    """What is left of a pruned job. `signature` is of `key` over the canonical JSON of all members before it."""

    format = text()
    job = s.UUIDField()
    tenant = text()
    agent = text()
    version = text()
    status = text()
    origin = s.UUIDField()
    generation = s.IntegerField()
    turn = s.IntegerField(allow_null=True)
    created_at = when()
    finished_at = when()
    events = s.IntegerField()
    head = Head()
    request_key = text(allow_blank=True)
    request_digest = text(allow_blank=True)
    pruned_at = when()
    pruned_by = Somebody()
    policy = text(allow_blank=True)
    reason = text()
    basis = text(allow_blank=True)
    archive = ArchiveAnswer(allow_null=True)
    key = text()
    signature = text()
    problem = text(allow_null=True)

    def get_fields(self) -> dict[str, s.Field[Any, Any, Any, Any]]:
        """`instance` is a word of every serializer."""
        return {**super().get_fields(), "instance": s.UUIDField(allow_null=True)}


class PruneForm(Form):
    """A pruning: `head` is what a dry run told, so that what goes is what was looked at."""

    dry_run = Truth(required=False, default=True, help_text="Only say what would go.")
    head = Text(required=False, default="", allow_blank=True, max_length=64,
                help_text="Hash of the job's last event, as the dry run told it.")  # fmt: skip
    reason = Text(required=False, default="", allow_blank=True, max_length=LONGEST)
    legal_basis = Text(required=False, default="", allow_blank=True, max_length=LONGEST,
                       help_text="On what ground, for example Art. 5 (1) (e) GDPR.")  # fmt: skip
    archive = Truth(
        required=False, default=True, help_text="Write the job's package to ARCHIVE_FOLDER first."
    )


class PruneAnswer(s.Serializer[Any]):
    """What would go, and what stands against it; or the tombstone. `already`: it was pruned before."""

    job = s.UUIDField()
    dry_run = s.BooleanField()
    head = Head()
    events = s.IntegerField()
    calls = s.IntegerField()
    approvals = s.IntegerField()
    keys = s.IntegerField()
    archive = text(allow_null=True)
    copies = CopyAnswer(many=True)
    refused = Told(allow_null=True)
    tombstone = TombstoneAnswer(allow_null=True)
    already = s.BooleanField()


class PolicyAnswer(s.Serializer[Any]):
    """A retention policy; `keep` are seconds after the end, null: for ever."""

    agent = text(allow_null=True)
    tag = text(allow_null=True)
    status = text(allow_null=True)
    keep = s.FloatField(allow_null=True)
    archive = text(allow_null=True)
    then = s.ChoiceField(choices=THENS)
    basis = text(allow_blank=True)
    preset = text(allow_blank=True)
    said = text()


class PresetAnswer(s.Serializer[Any]):
    """Terms to start from; no certification."""

    name = text()
    version = text()
    keep = text()
    then = s.ChoiceField(choices=THENS)
    archived = s.BooleanField()
    redaction = text()
    basis = text()
    rules = texts()
    notice = text()


class RetentionAnswer(s.Serializer[Any]):
    """The policies in force, and the presets."""

    policies = PolicyAnswer(many=True)
    presets = PresetAnswer(many=True)


class RetentionForm(Form):
    """Whether only to look, and where to go on."""

    dry_run = Truth(required=False, default=True)
    after = Text(required=False, default="", allow_blank=True, max_length=120)


class DueAnswer(s.Serializer[Any]):
    """A job whose time is over; `refused`: why it is kept."""

    job = s.UUIDField()
    tenant = text()
    policy = text()
    then = s.ChoiceField(choices=THENS)
    refused = Told(allow_null=True)


class RetentionReport(s.Serializer[Any]):
    """What was done, or would be."""

    dry_run = s.BooleanField()
    pruned = s.IntegerField()
    erased = s.IntegerField()
    refused = s.IntegerField()
    more = s.BooleanField()
    next = text(allow_blank=True)
    jobs = DueAnswer(many=True)
