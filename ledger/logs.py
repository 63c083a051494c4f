"""Log records without secrets: what this process has read by reference, and what has the shape of a credential.

Records are cleaned where they are made, so that it does not matter which handler, formatter or worker pool writes them.
"""

from __future__ import annotations

import logging
import traceback
from collections.abc import Callable
from functools import wraps
from typing import Any

from ledger.secrets import mask_text
from ledger.vault import hidden_text

_MARK = "_aetheris_clean"


def clean(text: str) -> str:
    """A text as it may be logged."""
    return mask_text(hidden_text(text))


def install() -> None:
    """Clean the records of every logger of this process, beside what another record factory does; once."""
    factory = logging.getLogRecordFactory()
    if not getattr(factory, _MARK, False):
        logging.setLogRecordFactory(cleaning(factory))


def uninstall() -> None:
    """Give the place back to the factory that was there before, unless somebody has put another one in front."""
    factory = logging.getLogRecordFactory()
    if getattr(factory, _MARK, False):
        logging.setLogRecordFactory(factory.__wrapped__)  # type: ignore[attr-defined]


def cleaning(factory: Callable[..., logging.LogRecord]) -> Callable[..., logging.LogRecord]:
    """A record factory that cleans what another one makes."""

    @wraps(factory)
    def make(*args: Any, **kwargs: Any) -> logging.LogRecord:
        record = factory(*args, **kwargs)
        try:
            _clean_message(record)
            _clean_traceback(record)
        except Exception:  # a message that cannot be written is the handler's to report
            return record
        return record

    setattr(make, _MARK, True)
    return make


def _clean_message(record: logging.LogRecord) -> None:
    said = record.getMessage()
    if (kept := clean(said)) != said:
        record.msg, record.args = kept, ()


def _clean_traceback(record: logging.LogRecord) -> None:
    """A formatter takes `exc_text` where it is set, and writes the traceback itself where it is not."""
    error = record.exc_info[1] if record.exc_info else None
    if error is None or record.exc_text:
        return
    said = "".join(traceback.format_exception(error)).rstrip("\n")
    if (kept := clean(said)) != said:
        record.exc_text = kept
