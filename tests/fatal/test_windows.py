"""Every crash window of the table, played with real processes on both databases (Laws L3-L7, E1-E6)."""

from __future__ import annotations

import pytest

from tests.fatal.effects import Effects
from tests.fatal.stage import Stage
from tests.fatal.windows.every import WINDOWS
from tests.fatal.windows.playing import play
from tests.fatal.windows.window import Window

pytestmark = pytest.mark.fatal


@pytest.fixture
def effects(window: Window, plain: Effects, deduping: Effects) -> Effects:
    """An idempotent call is one that the other side dedupes."""
    return deduping if window.dedupes else plain


@pytest.mark.parametrize("window", WINDOWS, ids=lambda window: window.id)
def test_nothing_is_lost_and_nothing_is_done_twice(window: Window, stage: Stage) -> None:
    play(stage, window)
