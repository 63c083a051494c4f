"""A process as a room: suspects are alone in it, and neither they nor the others wait for ever (design §6)."""

from __future__ import annotations

import pytest

from jobs.room import PATIENCE, Room

KILLER, OTHER = ("job", "killer"), ("job", "other")


class Clock:
    """A clock that moves when it is told to."""

    def __init__(self) -> None:
        self.time = 1000.0

    def __call__(self) -> float:
        return self.time


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def room(clock: Clock) -> Room:
    return Room(clock)


def test_many_work_side_by_side_and_a_suspect_waits_until_the_last_has_left(room: Room) -> None:
    assert room.enter(OTHER)
    assert room.enter(("job", "another"))
    assert not room.enter_alone(KILLER)
    room.leave()
    assert room.turn() is None
    room.leave()
    assert room.turn() == KILLER
    assert room.enter_alone(KILLER)


def test_nobody_comes_in_while_a_suspect_waits_or_works_and_all_are_called_afterwards(room: Room) -> None:
    assert room.enter(OTHER)
    assert not room.enter_alone(KILLER)
    assert not room.enter(("job", "late"))
    room.leave()
    assert room.enter_alone(KILLER)
    assert not room.enter(("job", "later"))
    assert room.called() == set()
    room.leave()
    assert room.called() == {("job", "late"), ("job", "later")}
    assert room.called() == set(), "each is called once"
    assert room.enter(OTHER)


def test_two_suspects_are_never_in_it_together(room: Room) -> None:
    assert room.enter_alone(KILLER)
    assert not room.enter_alone(OTHER)
    room.leave()
    assert room.called() == {OTHER}
    assert room.enter_alone(OTHER)


def test_what_goes_on_beyond_its_thread_still_counts(room: Room) -> None:
    assert room.enter_alone(KILLER)
    room.stay()
    room.leave()
    assert not room.enter(OTHER)
    room.leave()
    assert room.enter(OTHER)


def test_a_suspect_does_not_keep_others_out_for_ever_and_its_turn_comes_at_last(
    room: Room, clock: Clock
) -> None:
    assert room.enter(OTHER)
    waits = []
    for _ in range(4):
        assert not room.enter_alone(KILLER)
        assert not room.enter(("job", "late")), "it is closed"
        began = clock.time
        while not room.tire():
            clock.time += 1
        waits.append(clock.time - began)
        assert room.enter(("job", "late")), "and open again"
        room.leave()
        assert not room.enter_alone(KILLER)
        assert room.wanted is None, "not closed again before others had as much time"
        clock.time += waits[-1]
    assert waits == [PATIENCE, 2 * PATIENCE, 4 * PATIENCE, 8 * PATIENCE]


def test_one_suspect_after_another_leaves_the_others_as_much_time_as_they_took(
    room: Room, clock: Clock
) -> None:
    assert room.enter_alone(KILLER)
    assert not room.enter(OTHER)
    clock.time += 60
    room.leave()
    assert not room.enter_alone(("job", "next suspect"))
    assert room.enter(OTHER)
    room.leave()
    clock.time += 60
    assert room.enter_alone(("job", "next suspect"))


def test_suspects_follow_each_other_at_once_where_nobody_else_waits(room: Room, clock: Clock) -> None:
    for _ in range(3):
        assert room.enter_alone(KILLER)
        clock.time += 60
        room.leave()


def test_a_suspect_that_another_worker_has_taken_is_not_waited_for(room: Room) -> None:
    assert room.enter(OTHER)
    assert not room.enter_alone(KILLER)
    room.dismiss()
    assert room.enter(("job", "late"))


def test_what_waits_for_the_loop_is_called_in_order_and_nothing_is_left_at_the_end(room: Room) -> None:
    for number in range(3):
        room.queue(("job", str(number)))
    assert room.next_in_queue() == ("job", "0")
    assert room.enter_alone(KILLER)
    assert not room.enter(OTHER)
    assert room.leftovers() == {OTHER, ("job", "1"), ("job", "2")}
    assert room.next_in_queue() is None
