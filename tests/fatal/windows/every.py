"""The table: every window there is."""

from __future__ import annotations

from tests.fatal.windows import around, commits, faces, kept, lives, steps, together, undone, zombies
from tests.fatal.windows.window import Window

WINDOWS: tuple[Window, ...] = (
    *steps.WINDOWS,
    *commits.WINDOWS,
    *together.WINDOWS,
    *around.WINDOWS,
    *faces.WINDOWS,
    *undone.WINDOWS,
    *lives.WINDOWS,
    *zombies.WINDOWS,
    *kept.WINDOWS,
)
