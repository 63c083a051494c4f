"""How a stack speaks to whoever started it: a line at a time, at once."""

from __future__ import annotations

from collections.abc import Callable

Say = Callable[[str], None]


def aloud(line: str) -> None:
    """Print a line now, also into a pipe."""
    print(line, flush=True)
