"""References to secrets: `{"$secret": "name"}` in arguments, goals and plans; the value itself is never there (pure)."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic_core import PydanticCustomError, core_schema

from ledger.canonical import canonical

KEY = "$secret"
NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,119}")
_SIGN = '{"$secret":"'  # how a reference begins in canonical text
_UNREAD = "secret:"


def secret(name: str) -> dict[str, str]:
    """A reference to a secret, for an argument, a goal or a plan.

    Args:
        name: as it stands in `AETHERIS["SECRETS"]`.

    Returns:
        `{"$secret": name}`: what is stored and hashed; the tool gets the value.

    Raises:
        ValueError: it is no name.
    """
    if not isinstance(name, str) or not NAME.fullmatch(name):
        raise ValueError(
            "a secret's name is 1 to 120 letters, digits, '_', '.' or '-'; never the secret itself"
        )
    return {KEY: name}


def name_of(value: Any) -> str | None:
    """The name that a value refers to; None if it is no reference."""
    if not isinstance(value, Mapping) or len(value) != 1:
        return None
    name = value.get(KEY)
    return name if isinstance(name, str) and NAME.fullmatch(name) else None


def mentioned(text: str) -> bool:
    """Whether canonical text may hold a reference."""
    return _SIGN in text


def replaced(value: Any, read: Callable[[str], Any]) -> Any:
    """A copy of a JSON value with every reference replaced by what `read` gives for its name."""
    name = name_of(value)
    if name is not None:
        return read(name)
    if isinstance(value, Mapping):
        return {key: replaced(item, read) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [replaced(item, read) for item in value]
    return value


def unread(name: str) -> str:
    """The text that stands for an unread secret where text is needed, e.g. for a business key."""
    return f"{_UNREAD}{name}"


class StandIns:
    """Texts that stand for references while arguments are validated, and are put back after it.

    Args:
        text: canonical text of the arguments.
        nonce: text that no argument can foresee; else an argument could pass for a reference.
    """

    def __init__(self, text: str, nonce: str) -> None:
        self.names: dict[str, str] = {}
        self._nonce = nonce
        self.text = canonical(replaced(json.loads(text), self._stand_in))

    def _stand_in(self, name: str) -> str:
        made = f"{_UNREAD}{name}" if not self._nonce else f"{self._nonce}{len(self.names)}"
        self.names[made] = name
        return made

    def put_back(self, value: Any) -> Any:
        """The value with its references again.

        Raises:
            LookupError: one of them is gone; its parameter's type has changed the text.
        """
        seen: set[str] = set()
        new = self._put_back(value, seen)
        for made, name in self.names.items():
            if made not in seen:
                raise LookupError(name)
        return new

    def _put_back(self, value: Any, seen: set[str]) -> Any:
        if isinstance(value, str) and value in self.names:
            seen.add(value)
            return {KEY: self.names[value]}
        if isinstance(value, dict):
            return {key: self._put_back(item, seen) for key, item in value.items()}
        if isinstance(value, list):
            return [self._put_back(item, seen) for item in value]
        return value


class Secret(str):
    """A parameter that takes a reference and nothing else; the tool gets the value, as text that does not print itself.

    `str(value)` is the secret; `repr(value)` is not.
    """

    __slots__ = ()

    def __repr__(self) -> str:
        return "Secret(…)"

    @classmethod
    def __get_pydantic_core_schema__(
        cls, source: Any, handler: GetCoreSchemaHandler
    ) -> core_schema.CoreSchema:
        return core_schema.with_info_after_validator_function(_read, core_schema.str_schema())

    @classmethod
    def __get_pydantic_json_schema__(
        cls, schema: core_schema.CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        return {
            "type": "object",
            "properties": {KEY: {"type": "string", "pattern": f"^{NAME.pattern}$"}},
            "required": [KEY],
            "additionalProperties": False,
        }


def _read(value: str, info: core_schema.ValidationInfo) -> Secret:
    if value not in (info.context or ()):
        raise PydanticCustomError(
            "secret", 'it must be a reference, {"$secret": "name"}, never the secret itself'
        )
    return Secret(value)
