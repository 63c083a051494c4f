"""Which commits of one job are written together."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from jobs.core.commands import SendSignal
from jobs.core.state import JobState
from jobs.store import group
from jobs.store.group import MOST, Asked, Committed, Wish, company, in_its_turn
from jobs.store.reading import Entry
from tests.factories import person
from tests.store.rivals import Aside


def asked(**more: Any) -> Asked:
    patience = more.pop("patience", None)
    return Asked(Wish((SendSignal("go", None, "x", person()),), **more), patience)


def patient() -> bool:
    return True


@pytest.mark.parametrize(
    ("mine", "other", "together"),
    [
        (asked(), asked(), True),
        (asked(worker="w1"), asked(), True),
        (asked(), asked(worker="w1"), True),
        (asked(worker="w1"), asked(worker="w1"), True),
        (asked(worker="w1"), asked(worker="w2"), False),
        (asked(patience=patient), asked(patience=patient), True),
        (asked(patience=patient), asked(), False),
        (asked(), asked(delivery="d"), False),
        (asked(delivery="d"), asked(), False),
        (asked(), Asked(Wish(()), alone=True), False),
    ],
)
def test_only_what_goes_together_is_written_together(mine: Asked, other: Asked, together: bool) -> None:
    known = Entry("job")
    known.asked.extend([other, mine])
    assert (other in company(known, mine)) is together
    assert mine not in known.asked
    assert (other in known.asked) is not together


def test_no_two_workers_meet_in_a_group_of_one_that_has_none() -> None:
    known = Entry("job")
    mine, one, two = asked(), asked(worker="w1"), asked(worker="w2")
    known.asked.extend([one, two, mine])
    chosen = company(known, mine)
    assert {each.wish.worker for each in chosen} - {None} == {"w1"}
    assert list(known.asked) == [two]


def test_a_group_holds_so_many_and_the_one_that_writes_it() -> None:
    known = Entry("job")
    mine = asked()
    known.asked.extend([*(asked() for _ in range(MOST + 5)), mine])
    assert mine in company(known, mine)
    assert len(known.asked) == 6


def until(true: Callable[[], bool]) -> None:
    give_up = time.monotonic() + 60
    while not true():
        assert time.monotonic() < give_up
        time.sleep(0.001)


def test_whoever_was_written_goes_on_while_the_lock_is_still_held() -> None:
    known = Entry("job")
    first, second = asked(), asked()
    with known.lock:
        threads = []
        for each in (first, second):
            threads.append(Aside(partial(in_its_turn, known, each, lambda: "carried out")))
            until(partial(known.asked.__contains__, each))
        second.settle(Committed(JobState("job"), ()))
        assert threads[1].result() is None, "it has not waited for the lock"
        assert threads[0].running
    assert threads[0].result() == "carried out"
    assert not known.asked


def test_whoever_is_left_behind_is_told_when_its_turn_has_come(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(group, "AT_LAST", 60.0)
    known = Entry("job")
    everybody = [asked() for _ in range(5)]
    with known.lock:
        threads = []
        for each in everybody:
            threads.append(Aside(partial(in_its_turn, known, each, lambda: "carried out")))
            until(partial(known.asked.__contains__, each))
    assert [thread.result(30) for thread in threads] == ["carried out"] * 5


def test_whoever_was_forgotten_comes_to_the_lock_at_last(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(group, "AT_LAST", 0.01)
    known = Entry("job")
    lost, mine = asked(), asked()
    known.asked.append(lost)  # of a thread that has died
    with known.lock:
        thread = Aside(partial(in_its_turn, known, mine, lambda: "carried out"))
        until(lambda: mine in known.asked)
    assert thread.result() == "carried out"


def test_a_fault_of_whoever_carries_out_leaves_nobody_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(group, "AT_LAST", 60.0)
    known = Entry("job")

    def broken() -> None:
        raise KeyError("a fault of ours")

    first, second = asked(), asked()
    with known.lock:
        one = Aside(partial(in_its_turn, known, first, broken))
        until(lambda: first in known.asked)
        two = Aside(partial(in_its_turn, known, second, lambda: "carried out"))
        until(lambda: second in known.asked)
    with pytest.raises(KeyError):
        one.result()
    assert two.result(30) == "carried out"
