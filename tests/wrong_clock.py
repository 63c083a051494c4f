"""A host whose clock is wrong, and may jump: `time.time` as the processes of that host see it."""

from __future__ import annotations

import os
import time
from pathlib import Path

VARIABLE = "AETHERIS_TEST_CLOCK"  # a file that says by how many seconds, at every look


def install() -> None:
    """Make this process's clock as wrong as it was told to be."""
    file = os.environ.get(VARIABLE)
    if file is None:
        return
    right = time.time
    time.time = lambda: right() + float(Path(file).read_text())


def set_to(file: Path, seconds: float) -> None:
    """Let the clocks that look at a file be wrong by so much; they never see half of it."""
    draft = file.with_suffix(".draft")
    draft.write_text(str(seconds))
    draft.rename(file)
