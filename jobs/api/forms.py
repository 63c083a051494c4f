"""Bodies of requests."""

from __future__ import annotations

from django.core.validators import RegexValidator
from rest_framework import serializers

from .fields import AnyJSON, Form, Text, Truth, Whole

LONGEST_COMMENT = 10_000
# A quote or backslash is written as two characters in the stored list, and could not be searched for.
PLAIN = RegexValidator(r'^[^"\\\x00-\x1f]+\Z', "a tag has no quotes, backslashes or control characters")


class SubmitForm(Form):
    """A new job."""

    agent = Text(max_length=200, help_text="Name of an agent, or `name@version`.")
    goal = AnyJSON(help_text="What the agent is to do; validated against its goal schema.")
    priority = Whole(required=False, default=0, min_value=-100, max_value=100)
    tags = serializers.ListField(
        child=Text(max_length=64, validators=[PLAIN]), required=False, default=list, max_length=20
    )
    queue = AnyJSON(required=False, default=None, help_text="Not supported yet: refused.")
    deadline = AnyJSON(required=False, default=None, help_text="Not supported yet: refused.")
    on_failure = serializers.ChoiceField(
        choices=["fail", "compensate"],
        required=False,
        default="fail",
        help_text="`compensate`: undo what has landed, the last first, before the job ends as failed or cancelled.",
    )


class SignalForm(Form):
    """A signal."""

    name = Text(max_length=120)
    payload = AnyJSON(required=False, default=None)
    id = Text(required=False, allow_null=True, default=None, max_length=255,
              help_text="The sender's own id: the same id again is accepted and changes nothing.")  # fmt: skip


class MessageForm(Form):
    """A message on a channel."""

    channel = Text(max_length=120)
    payload = AnyJSON(required=False, default=None)
    id = Text(required=False, allow_null=True, default=None, max_length=255)


class AgentForm(Form):
    """A new agent instance."""

    agent = Text(max_length=200, help_text="Name of an agent, or `name@version` to stay at one version.")
    name = Text(required=False, allow_null=True, default=None, max_length=120,
                help_text="To be called by; unique among the living instances.")  # fmt: skip
    state = AnyJSON(
        required=False, default=None, help_text="The object that it begins with; `{}` unless told."
    )


class AgentMessageForm(Form):
    """A message to an agent instance."""

    message = AnyJSON(
        required=False, help_text="The message: it is the goal of its job, and fits the agent's schema."
    )
    goal = AnyJSON(required=False, help_text="The same by another name.")
    payload = AnyJSON(required=False, help_text="The same by another name.")
    id = Text(required=False, allow_null=True, default=None, max_length=255,
              help_text="The sender's own id, as Idempotency-Key: the same id and message give the same job.")  # fmt: skip
    not_before = AnyJSON(required=False, default=None, help_text="A duration from now, or an RFC 3339 time.")


class ReasonForm(Form):
    """Why something is paused or resumed."""

    reason = Text(required=False, default="", allow_blank=True, max_length=LONGEST_COMMENT)


class ForkForm(Form):
    """Where a job is cut, and what may happen once more."""

    at = Whole(min_value=1, help_text="Number of the last event that the new job takes over.")
    goal = AnyJSON(required=False, help_text="Another goal, where it can still have an effect.")
    confirm = serializers.ListField(
        child=serializers.UUIDField(), required=False, default=list, max_length=100_000,
        help_text="Exactly the invocations that a refusal with the code `landed_after_cut` lists.",
    )  # fmt: skip


class CancelForm(ReasonForm):
    """Why a job is cancelled, and whether it undoes what has landed."""

    compensate = Truth(required=False, allow_null=True, default=None,
                       help_text="Undo what has landed, or not; left out: as the job's `on_failure` says.")  # fmt: skip


class DecideForm(Form):
    """A decision on an approval."""

    decision = serializers.ChoiceField(choices=["approve", "reject"])
    digest = Text(max_length=64, help_text="The digest of what was shown to the person who decides.")
    comment = Text(required=False, default="", allow_blank=True, max_length=LONGEST_COMMENT)
    form = AnyJSON(
        required=False, default=None, help_text="The answer to the approval's form, if it has one."
    )


class DelegateForm(Form):
    """A vote that is handed on."""

    to = Text(max_length=150, help_text="Name of the user who decides instead.")
    digest = Text(max_length=64, help_text="The digest of what was shown to the person who delegates.")
    comment = Text(required=False, default="", allow_blank=True, max_length=LONGEST_COMMENT)


class ResolveForm(Form):
    """What became of a call whose outcome is unknown."""

    verdict = serializers.ChoiceField(choices=["landed", "absent", "fail"])
    result = AnyJSON(required=False, default=None, help_text="For `landed`: the call's result.")
    comment = Text(required=False, default="", allow_blank=True, max_length=LONGEST_COMMENT)


class ConfirmForm(Form):
    """Confirm the effects of a job, or accept that one is gone."""

    accept = serializers.UUIDField(
        required=False, allow_null=True, default=None,
        help_text="An invocation that the world does not show (or nobody could tell): the job goes on all the same.",
    )  # fmt: skip
    comment = Text(required=False, default="", allow_blank=True, max_length=LONGEST_COMMENT)


class TokenForm(Form):
    """A new token of one's own."""

    name = Text(required=False, default="", allow_blank=True, max_length=120)
    expires_at = serializers.DateTimeField(required=False, allow_null=True, default=None)


class NothingForm(Form):
    """A request that has nothing to say."""
