"""Where the jobs of the cast are noted by name."""

from __future__ import annotations

from collections.abc import Callable

CAST: dict[str, Callable[[], str]] = {}


def part(make: Callable[[], str]) -> Callable[[], str]:
    """Note a job of the cast by its function's name."""
    CAST[make.__name__] = make
    return make
