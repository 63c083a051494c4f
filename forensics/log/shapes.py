"""The log as clients see it."""

from __future__ import annotations

from typing import Any

from jobs.conf import conf
from jobs.core.moments import text

from ..models import Anchor, Checkpoint, LogKey
from . import keyring


def checkpoint_json(row: Checkpoint) -> dict[str, Any]:
    """A checkpoint; `note` is the signed text, byte for byte."""
    return {
        "size": row.size,
        "origin": row.origin,
        "root_hash": row.root,
        "key": row.key,
        "at": text(row.at),
        "note": row.text,
    }


def anchor_json(row: Anchor) -> dict[str, Any]:
    """A checkpoint at one place outside."""
    return {
        "size": row.size, "target": row.target, "state": row.state, "attempts": row.attempts, "error": row.error,
        "receipt": row.receipt, "at": text(row.at), "next_at": text(row.next_at) if row.next_at else None,
    }  # fmt: skip


def keys_json() -> dict[str, Any]:
    """The public keys of the log: the one that signs, and all that have signed."""
    now, pinned = keyring.signing(), conf().LOG_KEYS
    rows = {row.vkey: row for row in LogKey.objects.all()}
    told = [*([str(now)] if now else []), *pinned, *rows]
    return {
        "signing": str(now) if now else None,
        "keys": [_key_json(vkey, rows.get(vkey), vkey in pinned) for vkey in dict.fromkeys(told)],
    }


def _key_json(vkey: str, row: LogKey | None, pinned: bool) -> dict[str, Any]:
    return {
        "key": vkey, "pinned": pinned, "first_at": text(row.first_at) if row else None,
        "retired_at": text(row.retired_at) if row and row.retired_at else None,
    }  # fmt: skip
