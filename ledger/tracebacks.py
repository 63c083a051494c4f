"""An exception as a small JSON object that can be kept for good, without the secrets that it repeats."""

from __future__ import annotations

import math
import traceback
from typing import Any

from ledger.canonical import type_name
from ledger.secrets import mask_text
from ledger.vault import hidden_text

LIMIT = 4096


def described(error: BaseException) -> dict[str, Any]:
    """Describe an exception; never raises, whatever the exception's own methods do.

    Args:
        error: the exception.

    Returns:
        `{class, message, traceback_tail}`, both texts at most 4 KiB; with `permanent` and
        `retry_after` where the exception carries them.
    """
    found: dict[str, Any] = {
        "class": type_name(error),
        "message": _head(_clean(_message(error))),
        "traceback_tail": _tail(_clean(_trace(error))),
    }
    if getattr(error, "permanent", None) is True:
        found["permanent"] = True
    wait = getattr(error, "retry_after", None)
    if isinstance(wait, (int, float)) and not isinstance(wait, bool) and math.isfinite(wait) and wait >= 0:
        found["retry_after"] = float(wait)
    return found


def _clean(text: str) -> str:
    """An exception of a tool often says what it was given: a URL, a header, an answer."""
    return mask_text(hidden_text(text))


def _message(error: BaseException) -> str:
    try:
        return str(error)
    except Exception as broken:  # a broken __str__ must not hide the failure
        return f"<its message cannot be read: {type(broken).__name__}>"


def _trace(error: BaseException) -> str:
    try:
        return "".join(traceback.format_exception(error))
    except Exception as broken:
        return f"<its traceback cannot be read: {type(broken).__name__}>"


def _head(text: str) -> str:
    return text.encode("utf-8", "backslashreplace")[:LIMIT].decode("utf-8", "ignore")


def _tail(text: str) -> str:
    return text.encode("utf-8", "backslashreplace")[-LIMIT:].decode("utf-8", "ignore")
