"""What every test of the auditor shares: its database, this process as the worker, a clock that nobody has moved."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from jobs.incarnation import Incarnation


@pytest.fixture
def here(engine_db: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Incarnation]:
    """This process as a worker that nobody declares dead."""
    from jobs import clock  # needs Django, which is set up after this file is read
    from jobs.testing import in_this_process

    monkeypatch.setattr(clock, "_shift", 0.0)
    monkeypatch.setattr(clock, "_offset", None)
    with in_this_process(seconds=1e7) as me:
        yield me


@pytest.fixture
def tampering(here: Incarnation) -> Iterator[None]:
    """The database without what keeps its events append-only; every change is taken back at the end."""
    from tests.forensics.tampering import unguarded

    with unguarded():
        yield
