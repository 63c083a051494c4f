"""The table: every window there is."""

from __future__ import annotations

from tests.fatal.windows import around, commits, faces, steps, zombies
from tests.fatal.windows.window import Window

WINDOWS: tuple[Window, ...] = (
    *steps.WINDOWS,
    *commits.WINDOWS,
    *around.WINDOWS,
    *faces.WINDOWS,
    *zombies.WINDOWS,
)
