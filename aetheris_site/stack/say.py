"""How a stack speaks to whoever started it: a line at a time, at once."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable

Say = Callable[[str], None]


def aloud(line: str) -> None:
    """Print a line now, also into a pipe. A reader that has seen enough does not stop the work."""
    try:
        print(line, flush=True)
    except BrokenPipeError:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
