"""Redacting: what was found is replaced from left to right, and nothing else is touched."""

from __future__ import annotations

import hmac
from collections.abc import Callable, Mapping
from typing import Any

from .finding import LIKELY, find

How = str | Callable[[str, str], str]


def redact(text: str, how: How = "mask", *, name: str = "", least: float = LIKELY) -> str:
    """Replace personal data in a text; the rest stays as it is, character for character.

    Args:
        text: any text.
        how: `"mask"` writes the kind, `[email]`; `"remove"` leaves nothing; or a function of kind and found text,
            as `hashed(key)` gives one.
        name: as for `find`.
        least: as for `find`.

    Raises:
        ValueError: `how` is another word.
    """
    replaced = _how(how)
    parts, last = [], 0
    for each in find(text, name=name, least=least):
        parts += [text[last : each.start], replaced(each.kind, text[each.start : each.end])]
        last = each.end
    return "".join([*parts, text[last:]])


def redact_in(value: Any, how: How = "mask", *, least: float = LIKELY, name: str = "") -> Any:
    """The same for every text, whole number and member's name of a JSON value; returns a new value.

    A number that is replaced becomes text. Two names that would become equal keep apart by a number.
    """
    if isinstance(value, str):
        return redact(value, how, name=name, least=least)
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) < 10**20:
        text = redact(str(value), how, name=name, least=least)
        return value if text == str(value) else text
    if isinstance(value, Mapping):
        return _members(value, how, least)
    if isinstance(value, (list, tuple)):
        return [redact_in(item, how, least=least, name=name) for item in value]
    return value


def _members(value: Mapping[str, Any], how: How, least: float) -> dict[str, Any]:
    new: dict[str, Any] = {}
    names = {key: redact(key, how, least=least) for key in sorted(value)}
    kept = {key for key, named in names.items() if key == named}
    for key, named in names.items():
        number = 1
        while key != named and (named in kept or named in new):
            number += 1
            named = f"{names[key]}#{number}"
        new[named] = redact_in(value[key], how, least=least, name=key)
    return new


def hashed(key: bytes) -> Callable[[str, str], str]:
    """How to write `[email:0123456789abcdef]`, a keyed hash: equal data stays equal, and no dictionary undoes it.

    Args:
        key: 16 bytes or more that nobody else has; a plain hash of a telephone number is found by trying them all.

    Raises:
        ValueError: the key is shorter.
    """
    if len(key) < 16:
        raise ValueError("the key of a keyed hash has 16 bytes or more")

    def write(kind: str, text: str) -> str:
        return f"[{kind}:{hmac.new(key, text.encode('utf-8', 'surrogatepass'), 'sha256').hexdigest()[:16]}]"

    return write


def _how(how: How) -> Callable[[str, str], str]:
    if callable(how):
        return how
    if how == "mask":
        return lambda kind, text: f"[{kind}]"
    if how == "remove":
        return lambda kind, text: ""
    raise ValueError(f"{how!r} is no way to redact: 'mask', 'remove', or a function of kind and text")
