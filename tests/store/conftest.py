"""What every test of the store shares: its database, knocks that go nowhere, a clock that nobody has moved."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

Heard = list[tuple[str, tuple[str, ...], str]]


@pytest.fixture(autouse=True)
def knocked(engine_db: str) -> Iterator[Heard]:
    """The knocks of this test, instead of a broker."""
    from tests.factories import recorded_knocks  # needs Django, which is set up after this file is read

    with recorded_knocks() as heard:
        yield heard


@pytest.fixture(autouse=True)
def _unmoved_clock(engine_db: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from jobs import clock

    monkeypatch.setattr(clock, "_shift", 0.0)
    monkeypatch.setattr(clock, "_offset", None)
