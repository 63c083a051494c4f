"""Who is silent because the database was away is not dead: a full lease passes after it answers before anybody is."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import timedelta
from uuid import uuid4

import pytest

from jobs import clock, scheduler
from jobs.conf import conf
from jobs.models import Worker

OUTAGE = 60.0


@pytest.fixture(autouse=True)
def alone(fresh_database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A database of this test's own, where the ticks have gone through for long."""
    monkeypatch.setattr(clock, "_shift", 0.0)
    monkeypatch.setattr(clock, "_offset", None)
    for _ in range(int(conf().LEASE_TTL) + 2):
        scheduler.tick()
        clock.shift(1.0)


def a_stranger() -> str:
    """A worker on another host, of which nothing is known but its lease."""
    now = clock.database_now()
    row = Worker.objects.create(
        id=uuid4(), name="stranger", host="elsewhere", pid=os.getpid(), started="then", registered_at=now,
        alive_until=now + timedelta(seconds=conf().LEASE_TTL),
    )  # fmt: skip
    return str(row.id)


def is_dead(worker: str) -> bool:
    """Tick, and look."""
    clock.shift(1.0)
    assert scheduler.tick()
    return Worker.objects.get(id=worker).dead


def spared_and_then_dead(worker: str) -> None:
    """It has a whole lease to speak up; after that its silence is its own."""
    for _ in range(int(conf().LEASE_TTL) - 1):
        assert not is_dead(worker)
    assert any(is_dead(worker) for _ in range(3))


def test_a_worker_that_is_silent_while_ticks_go_through_is_dead() -> None:
    worker = a_stranger()
    for _ in range(int(conf().LEASE_TTL)):
        is_dead(worker)
    assert is_dead(worker)


def test_after_an_outage_between_two_ticks_nobody_is_dead_for_one_lease() -> None:
    worker = a_stranger()
    clock.shift(OUTAGE)
    spared_and_then_dead(worker)


@pytest.mark.parametrize("place", ["_claim", "release_dead", "deliver_due"])
def test_after_an_outage_in_the_middle_of_a_tick_nobody_is_dead_for_one_lease(
    place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    worker = a_stranger()
    usual: Callable[..., object] = getattr(scheduler, place)

    def hangs(*args: object) -> object:
        clock.shift(OUTAGE)
        return usual(*args)

    with monkeypatch.context() as patched:
        patched.setattr(scheduler, place, hangs)
        assert not is_dead(worker)
    spared_and_then_dead(worker)
