"""A worker's garbage collector leaves what is loaded alone, and respects what others have set."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest

from jobs import collector


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    usual = gc.get_threshold()
    yield
    gc.set_threshold(*usual)
    gc.unfreeze()


def test_what_is_loaded_is_not_looked_at_again_and_looks_are_rarer() -> None:
    gc.set_threshold(*collector.PYTHONS_OWN)
    kept = [object() for _ in range(10)]
    collector.spare_the_collector()
    assert gc.get_freeze_count() > 1000
    assert not any(each is kept for each in gc.get_objects())
    assert gc.get_threshold() == collector.LESS_OFTEN


def test_who_has_set_other_thresholds_keeps_them() -> None:
    gc.set_threshold(5000, 5, 5)
    collector.spare_the_collector()
    assert gc.get_threshold() == (5000, 5, 5)


def test_circles_that_come_later_are_still_collected() -> None:
    class Node:
        pass

    collector.spare_the_collector()
    one = Node()
    one.itself = one  # type: ignore[attr-defined]
    del one
    assert gc.collect() >= 1
