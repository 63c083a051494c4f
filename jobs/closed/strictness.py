"""Whether steps run strictly: by the setting, or because a test says so."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from ..conf import conf

_lock = threading.Lock()
_wishes = 0


def strict() -> bool:
    """Whether a workflow or planner that reaches around ctx fails at once."""
    return _wishes > 0 or conf().STRICT


@contextmanager
def forced() -> Iterator[None]:
    """Strict in all threads of this process while the block runs, whatever the setting says."""
    _count(1)
    try:
        yield
    finally:
        _count(-1)


def _count(change: int) -> None:
    global _wishes
    with _lock:
        _wishes += change
