"""What people fill in. The shape is checked here; whether the job allows it, by the verb."""

from __future__ import annotations

import json
from typing import Any
from uuid import uuid4

from django import forms

from . import fields


class Reason(forms.Form):
    """Why, for pause and resume; kept with the event."""

    reason = forms.CharField(required=False, max_length=2_000, widget=forms.Textarea(attrs={"rows": 3}))


class Needed(forms.Form):
    """Why, where nothing may be done without saying so."""

    reason = forms.CharField(
        max_length=2_000,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text="Kept on record for ever; name the case or the request.",
    )


class Holding(Needed):
    """Why a job is held, and under which number others know the case."""

    reference = forms.CharField(required=False, max_length=200, help_text="Case or file number.")


class Erasing(Needed):
    """What of a job goes, on what ground."""

    legal_basis = forms.CharField(max_length=2_000, help_text="For example: Art. 17 (1) (b) GDPR.")
    paths = forms.CharField(
        required=False,
        max_length=10_000,
        label="Only these steps",
        help_text="Names of steps or calls, separated by commas, each with all below it. Empty: the whole job.",
    )
    also_copies = forms.BooleanField(
        required=False, label="Also what jobs that were forked from it have copied of it"
    )


class Pruning(Needed):
    """Why a job goes, on what ground; bound to what the page showed."""

    legal_basis = forms.CharField(max_length=2_000, help_text="For example: Art. 5 (1) (e) GDPR.")
    archive = forms.BooleanField(
        required=False, initial=True, label="Write its evidence package to the archive first"
    )
    head = forms.CharField(max_length=64, widget=forms.HiddenInput)


class Cancelling(Reason):
    """Why a job is cancelled, and whether it undoes what has landed."""

    compensate = forms.TypedChoiceField(
        required=False,
        label="What has landed",
        choices=[("", "as the job was submitted"), ("yes", "undo it"), ("no", "leave it")],
        coerce=lambda word: word == "yes",
        empty_value=None,
    )


class Letter(forms.Form):
    """A signal or message. Its id is drawn with the page, so that a double click sends one letter."""

    name = forms.CharField(max_length=120)
    payload = fields.Json(required=False, help_text="One JSON value; empty means null.")
    id = forms.CharField(max_length=255, widget=forms.HiddenInput, initial=lambda: str(uuid4()))


class Acceptance(forms.Form):
    """An effect that the world does not show, which a person lets pass."""

    name = forms.UUIDField(label="Invocation", help_text="The ledger line of the effect; the job names it.")
    comment = forms.CharField(
        max_length=10_000,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text="Why. It is kept with the decision for ever.",
    )


class Channelled(Letter):
    """A message: the name is that of its channel."""

    name = forms.CharField(max_length=120, label="Channel")


class Decision(forms.Form):
    """Approve or reject, bound to what the page showed."""

    decision = forms.ChoiceField(
        choices=[("approve", "Approve"), ("reject", "Reject")], widget=forms.HiddenInput
    )
    digest = forms.CharField(max_length=64, widget=forms.HiddenInput)
    comment = forms.CharField(required=False, max_length=10_000, widget=forms.Textarea(attrs={"rows": 3}))

    def __init__(self, schema: fields.Schema | None, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.schema = schema
        made = fields.of_schema(schema) if schema else None
        self.flat = made is not None
        if made is not None:
            self.fields.update(made)
        elif schema:
            self.fields["form"] = fields.Json(
                help_text="One JSON value that fits this schema: " + json.dumps(schema, ensure_ascii=False)
            )
        if self.data.get("decision") == "reject":
            for name in [*(made or ()), "form"]:
                self.fields.pop(name, None)
        self.order_fields([*(made or ()), "form", "comment"])  # what is asked first, what may be said last

    def filled(self) -> Any:
        """The answer to the approval's form; None where there is none or the answer is no."""
        if self.schema is None or self.cleaned_data["decision"] == "reject":
            return None
        return fields.answer(self.schema, self.cleaned_data) if self.flat else self.cleaned_data["form"]


class Delegation(forms.Form):
    """To whom a vote goes, bound to what the page showed."""

    to = forms.CharField(max_length=150, label="User", help_text="Who decides instead of you: a user name.")
    digest = forms.CharField(max_length=64, widget=forms.HiddenInput)
    comment = forms.CharField(required=False, max_length=10_000, widget=forms.Textarea(attrs={"rows": 2}))
    prefix = "delegation"


class Resolution(forms.Form):
    """What a person says of an unknown outcome."""

    verdict = forms.ChoiceField(
        choices=[
            ("landed", "Landed: it happened, with this result"),
            ("absent", "Absent: it certainly did not happen; call again"),
            ("fail", "Fail: nobody can know; the step fails, the book keeps it unknown"),
        ],
        widget=forms.RadioSelect,
    )
    result = fields.Json(
        required=False,
        help_text="For landed: the call's result as JSON; empty means null. Left out otherwise.",
    )
    comment = forms.CharField(
        max_length=10_000,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text="How you know. It is kept with the decision for ever.",
    )

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        if cleaned.get("verdict") in ("absent", "fail") and cleaned.get("result") is not None:
            self.add_error("result", "Only a call that landed has a result; empty this, or choose landed.")
        return cleaned


class NewToken(forms.Form):
    """A token for oneself; a superuser may name another user."""

    name = forms.CharField(max_length=120, help_text="What it is for, so that you know it later.")
    days = forms.IntegerField(
        required=False,
        min_value=1,
        max_value=3_650,
        label="Days it is valid",
        help_text="Empty: until it is revoked.",
    )
    user = forms.CharField(required=False, max_length=150, help_text="Empty: for yourself.")

    def __init__(self, *args: Any, may_name: bool = False, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not may_name:
            del self.fields["user"]
