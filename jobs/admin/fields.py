"""Form fields from a JSON Schema, and JSON typed by hand."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any, NoReturn

from django import forms

Schema = Mapping[str, Any]
# The prefix keeps a member named "comment" or "digest" apart from the form's own fields.
PREFIX = "form."
_FLAT = {"string": forms.CharField, "integer": forms.IntegerField, "number": forms.FloatField}


def load(text: str) -> Any:
    """JSON as the runtime takes it.

    Raises:
        ValueError: not JSON, a number that JSON does not know, or a member given twice.
    """
    return json.loads(text, parse_constant=_no_number, object_pairs_hook=_no_twins)


def _no_number(word: str) -> NoReturn:
    raise ValueError(f"{word} is not a JSON number")


def _no_twins(pairs: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in found:
            raise ValueError(f"the member {name!r} is given twice")
        found[name] = value
    return found


class Json(forms.CharField):
    """A text area whose content is one JSON value; empty means `empty`."""

    def __init__(self, *, empty: Any = None, **kwargs: Any) -> None:
        super().__init__(widget=forms.Textarea(attrs={"rows": 6, "spellcheck": "false"}), **kwargs)
        self.empty = empty

    def clean(self, value: Any) -> Any:
        text = super().clean(value)
        if not text:
            return self.empty
        try:
            return load(text)
        except (ValueError, RecursionError) as error:
            raise forms.ValidationError(f"This is not JSON: {error}. Correct it and send again.") from error


def of_schema(schema: Schema) -> dict[str, forms.Field] | None:
    """Form fields for a flat object.

    Args:
        schema: of the answer; `$ref` into its own `$defs` is followed.

    Returns:
        A field for each member, or None where only JSON can say it.
    """
    members = schema.get("properties")
    if schema.get("type") != "object" or not members:
        return None
    needed = set(schema.get("required", ()))
    found: dict[str, forms.Field] = {}
    for name, member in members.items():
        field = _field(name, _resolved(schema, member), required=name in needed)
        if field is None:
            return None
        found[PREFIX + name] = field
    return found


def answer(schema: Schema, cleaned: Mapping[str, Any]) -> dict[str, Any]:
    """The object that the filled fields make; what was left empty and may be is left out."""
    needed = set(schema.get("required", ()))
    values = {name: cleaned.get(PREFIX + name) for name in schema["properties"]}
    return {name: value for name, value in values.items() if value not in (None, "") or name in needed}


def _resolved(root: Schema, member: Schema) -> Schema:
    """The member with its reference followed and `X or null` read as X that may be left out."""
    choices = [each for each in member.get("anyOf", ()) if each.get("type") != "null"]
    if len(choices) == 1:
        member = {**{k: v for k, v in member.items() if k != "anyOf"}, **choices[0], "optional": True}
    name = str(member.get("$ref", "")).removeprefix("#/$defs/")
    target = root.get("$defs", {}).get(name)
    return {**target, **{k: v for k, v in member.items() if k != "$ref"}} if target else member


def _field(name: str, member: Schema, *, required: bool) -> forms.Field | None:
    text: dict[str, Any] = {
        "label": str(member.get("title") or name.replace("_", " ").capitalize()),
        "help_text": str(member.get("description", "")),
        "initial": member.get("default"),
    }
    if "const" in member:
        member = {**member, "enum": [member["const"]]}
    if "enum" in member:
        return _choice(member["enum"], required=required, **text)
    if member.get("type") == "boolean":
        if required or member.get("default") is not None:
            return forms.BooleanField(required=False, **text)
        return _choice([True, False], required=False, **text)
    made = _FLAT.get(str(member.get("type")))
    if made is None:
        return None
    return made(required=required and not member.get("optional"), **text, **_limits(member))


def _limits(member: Schema) -> dict[str, Any]:
    if member["type"] == "string":
        return {"max_length": member.get("maxLength"), "min_length": member.get("minLength"), "strip": False}
    return {"max_value": member.get("maximum"), "min_value": member.get("minimum")}


def _choice(values: list[Any], *, required: bool, **text: Any) -> forms.Field:
    """A choice among JSON values of any type: the page carries their JSON, the answer their value."""
    words = {True: "yes", False: "no", None: "none"}
    shown = [
        (json.dumps(each), words[each] if each is None or each is True or each is False else str(each))
        for each in values
    ]
    if text["initial"] is not None:
        text["initial"] = json.dumps(text["initial"])
    empty = [] if required and len(shown) == 1 else [("", "–")]
    return forms.TypedChoiceField(
        choices=[*empty, *shown], coerce=json.loads, empty_value=None, required=required, **text
    )
