"""Which commits of one job are written together."""

from __future__ import annotations

from typing import Any

import pytest

from jobs.core.commands import SendSignal
from jobs.store.group import MOST, Asked, Wish, company
from jobs.store.reading import Entry
from tests.factories import person


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
