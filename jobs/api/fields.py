"""Fields and forms that take a value only as the type it is, and no field that nobody reads."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rest_framework import serializers


class Text(serializers.CharField):
    """Text as it was sent: never trimmed, and never made of a number."""

    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault("trim_whitespace", False)
        super().__init__(**kwargs)

    def to_internal_value(self, data: Any) -> str:
        """The text.

        Raises:
            ValidationError: it is none.
        """
        if not isinstance(data, str):
            self.fail("invalid")
        return super().to_internal_value(data)


class Whole(serializers.IntegerField):
    """A whole number, not text that looks like one."""

    def to_internal_value(self, data: Any) -> int:
        """The number.

        Raises:
            ValidationError: it is none.
        """
        if isinstance(data, bool) or not isinstance(data, int):
            self.fail("invalid")
        return super().to_internal_value(data)


class Truth(serializers.BooleanField):
    """True or false, not text or a number that looks like it."""

    def to_internal_value(self, data: Any) -> bool:
        """The value.

        Raises:
            ValidationError: it is none.
        """
        if not isinstance(data, bool):
            self.fail("invalid", input=data)
        return data


class AnyJSON(serializers.JSONField):
    """Any JSON value, null included."""

    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault("allow_null", True)
        super().__init__(**kwargs)


class Form(serializers.Serializer[Any]):
    """A request's body. A field that it does not have is refused by name, never ignored."""

    def to_internal_value(self, data: Any) -> Any:
        """The checked fields.

        Raises:
            ValidationError: with every unknown field, or with what is wrong in the known ones.
        """
        if isinstance(data, Mapping):
            known = ", ".join(self.fields)
            strangers = {
                str(name)[:80]: [f"unknown field; known are {known}"]
                for name in data
                if name not in self.fields
            }
            if strangers:
                raise serializers.ValidationError(strangers)
        return super().to_internal_value(data)
