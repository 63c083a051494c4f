"""The toy world: how often each thing was done in it, and what it answers next."""

from __future__ import annotations

import os
import threading
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

JOURNAL = "AETHERIS_TEST_WORLD"  # a file that the worlds of several processes share

_lock = threading.Lock()
_counts: Counter[str] = Counter()
_scripts: dict[str, list[Any]] = defaultdict(list)


def did(what: str) -> int:
    """Note that something was done; gives how often it has been done in this process."""
    with _lock:
        _counts[what] += 1
        if path := os.environ.get(JOURNAL):
            with Path(path).open("a") as out:
                out.write(f"{what} {os.getpid()} {threading.get_ident()}\n")
        return _counts[what]


def times(what: str) -> int:
    """How often it was done in this process."""
    with _lock:
        return _counts[what]


def script(what: str, *answers: Any) -> None:
    """What the next calls of `what` meet: a value, an exception to raise, or an Event to wait for."""
    with _lock:
        _scripts[what].extend(answers)


def answer(what: str, default: Any) -> Any:
    """The next scripted answer; raises it if it is an exception, waits if it is an Event."""
    with _lock:
        told = _scripts[what].pop(0) if _scripts[what] else default
    if isinstance(told, BaseException):
        raise told
    if isinstance(told, threading.Event):
        assert told.wait(60)
        return "late"
    return told


def there(what: str) -> bool:
    """Whether a test has put a file of that name beside the journal, for all processes to see."""
    return (Path(os.environ[JOURNAL]).parent / what).exists()
