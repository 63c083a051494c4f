"""The one written form of a value: canonical JSON text, and its digest (pure)."""

from __future__ import annotations

import dataclasses
import datetime
import decimal
import enum
import hashlib
import json
import re
import uuid
from collections.abc import Mapping
from typing import Any

STORABLE_LIMIT = 8 * 1_048_576
_LEAVES = frozenset({str, int, bool, type(None)})  # what is written as it is
_AS_TEXT = (uuid.UUID, decimal.Decimal)
_AS_ISO = (datetime.datetime, datetime.date, datetime.time)
_encoded = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False).encode
_ERASED_KEY = re.compile(r"sha256:[0-9a-f]{64}")


class NotJson(ValueError):
    """A value has no canonical JSON form; `path` says where in it."""

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(f"{path}: {reason}")
        self.path = path
        self.reason = reason


def canonical(value: object) -> str:
    """Write a JSON value as the text that is hashed and stored.

    Args:
        value: None, bool, int, finite float, str, list, or dict with string keys.

    Returns:
        ASCII text with sorted keys and no spaces.

    Raises:
        ValueError: NaN, infinity, a cycle; `TypeError` where a type is no JSON.
    """
    return _encoded(value)


def digest(value: object) -> str:
    """SHA-256 in lower-case hex of the canonical text of a JSON value."""
    return hashlib.sha256(canonical(value).encode("ascii")).hexdigest()


def erased_key(key: str) -> str:
    """What stays of a key that must never be used twice, where the key itself is erased: a digest, found by the same key."""
    if _ERASED_KEY.fullmatch(key):
        return key
    return "sha256:" + hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()


def jsonable(value: object, path: str = "$") -> Any:
    """Turn models, dataclasses, enums, times, UUIDs and decimals inside a value into plain JSON.

    Sets, bytes and keys that are no text are refused: they have no one written form.

    Args:
        value: the value as user code returned or passed it.
        path: where the value stands, for the error message.

    Returns:
        A value of dicts, lists, str, int, float, bool and None only.

    Raises:
        NotJson: some part has no JSON form.
    """
    if type(value) in _LEAVES:
        return value
    if isinstance(value, enum.Enum):
        return jsonable(value.value, path)
    if isinstance(value, (str, int)):
        return value
    if isinstance(value, float):
        return _finite(value, path)
    if isinstance(value, Mapping):
        return {_key(key, path): jsonable(item, f"{path}.{key}") for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [jsonable(item, f"{path}[{index}]") for index, item in enumerate(value)]
    if isinstance(value, _AS_ISO):
        return value.isoformat()
    if isinstance(value, _AS_TEXT):
        return str(value)
    return _opened(value, path)


def _opened(value: object, path: str) -> Any:
    dump = getattr(value, "model_dump", None)
    if callable(dump) and not isinstance(value, type):
        return jsonable(dump(mode="json"), path)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        names = [field.name for field in dataclasses.fields(value)]
        return {name: jsonable(getattr(value, name), f"{path}.{name}") for name in names}
    raise NotJson(path, f"{type_name(value)} has no JSON form; give text, a number, a list or a dict")


def _finite(value: float, path: str) -> float:
    if value - value != 0.0:  # NaN and the infinities
        raise NotJson(path, f"{value!r} is no JSON number")
    return value


def _key(key: object, path: str) -> str:
    if isinstance(key, enum.Enum):
        key = key.value
    if not isinstance(key, str):
        raise NotJson(path, f"key {key!r} is {type_name(key)}; a JSON object has text keys only")
    return key


def type_name(value: object) -> str:
    """Name of a value's type, with its module unless that is `builtins`."""
    kind = type(value)
    return kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"


def storable(value: object, limit_bytes: int = STORABLE_LIMIT) -> tuple[str | None, dict[str, Any] | None]:
    """Say how a tool's result is stored, or why it cannot be. Never raises: the effect has landed.

    Args:
        value: what the tool returned.
        limit_bytes: longest text that is taken.

    Returns:
        `(text, None)` with the canonical text, or `(None, problem)` with
        `{type, size, digest, of, reason}`; `of` says whether size and digest are those of the
        JSON text (`"json"`) or of the value's `repr` (`"repr"`).
    """
    try:
        text = canonical(jsonable(value))
    except RecursionError:
        return None, _problem(value, None, "it is nested too deeply or contains itself")
    except Exception as error:  # a model's own dump may raise anything
        return None, _problem(value, None, _said(error))
    if len(text) > limit_bytes:
        reason = f"{len(text)} bytes of JSON are more than the limit of {limit_bytes}"
        return None, _problem(value, text, reason)
    return text, None


def _problem(value: object, text: str | None, reason: str) -> dict[str, Any]:
    shown = text if text is not None else _said(value, repr)
    raw = shown.encode("utf-8", "backslashreplace")
    return {
        "type": type_name(value),
        "size": len(raw),
        "digest": hashlib.sha256(raw).hexdigest(),
        "of": "repr" if text is None else "json",
        "reason": reason[:1000],
    }


def _said(value: object, say: Any = str) -> str:
    try:
        return str(say(value))
    except Exception as error:  # a broken __repr__ must not undo a landed effect
        return f"<{type_name(value)} whose {say.__name__} raised {type(error).__name__}>"
