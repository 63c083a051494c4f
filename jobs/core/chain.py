"""Canonical JSON and one link of the proof chain (contract: events and the chain).

What is hashed is what is stored: the canonical *text* of a body, byte for byte.
"""

from __future__ import annotations

import json
from hashlib import sha256
from typing import Any

GENESIS = "0" * 64
FORMAT = "aetheris.event.v1"
_TEXT = {str}
_LEAVES = frozenset({str, int, float, bool, type(None)})  # what holds nothing
_encoded = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False).encode


def canonical(value: Any) -> str:
    """The one JSON text of a value: sorted keys, no spaces, ASCII only, no NaN.

    Raises:
        TypeError: a key that is not text, or a value that JSON does not know.
        ValueError: NaN, infinity or a reference to itself.
    """
    text = _encoded(value)  # first: it ends where a value holds itself
    _check_keys(value)
    return text


def _check_keys(value: Any) -> None:
    # json.dumps would silently turn 1 and None into "1" and "null": two values, one text.
    found = [value]
    for item in found:
        if isinstance(item, dict):
            if item and {*map(type, item)} != _TEXT:
                raise TypeError(f"JSON object keys must be text, got {_odd(item)}")
            found += [each for each in item.values() if type(each) not in _LEAVES]
        elif isinstance(item, list | tuple):
            found += [each for each in item if type(each) not in _LEAVES]


def _odd(item: dict[Any, Any]) -> str:
    key = next(key for key in item if type(key) is not str)
    return f"{key!r} ({type(key).__name__})"


def digest_of(value: Any) -> str:
    """SHA-256 (hex) of a value's canonical text."""
    return digest_of_text(canonical(value))


def digest_of_text(text: str) -> str:
    """SHA-256 (hex) of a canonical text."""
    return sha256(text.encode("ascii")).hexdigest()


def body_digest(salt: str, body: str) -> str:
    """Commitment to a stored body: `sha256(salt bytes + body text)`; salt is 32 hex characters."""
    return sha256(bytes.fromhex(salt) + body.encode("ascii")).hexdigest()


def link(*, job: str, seq: int, type: str, node: str, at: str, digest: str, prev: str) -> str:
    """Hash of one event, binding it to its place and to everything before it."""
    fields = [FORMAT, job, str(seq), type, node, at, digest, prev]
    return sha256(("\n".join(fields) + "\n").encode("ascii")).hexdigest()
