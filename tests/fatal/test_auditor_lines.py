"""The auditor of agent instances finds nothing in books that are in order, and everything that is broken on purpose."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from tests.engine.conftest import here
from tests.engine.conversing import a_desk, all_of, run, said
from tests.fatal import audit
from tests.fatal.audit_books import Books
from tests.fatal.audited import only, replaced

__all__ = ["here"]  # fixture
_read: dict[str, Books] = {}


@pytest.fixture
def talk(engine_db: str, here: object) -> Books:
    """Books in order: four messages have ended, one is parked, two wait for it and one for its time."""
    if engine_db not in _read:
        desk = a_desk(state={"heard": ["before"]})
        run(said(desk, "one"), said(desk, "broken", fails=True), said(desk, "two"), said(desk, "three"))
        run(said(desk, "asks", asks="go"))
        for word, later in (("four", None), ("five", None), ("later", "1h")):
            said(desk, word, not_before=later)
        _read[engine_db] = only(audit.read(engine_db), {str(job.id) for job in all_of(desk)})
    return copy.deepcopy(_read[engine_db])


def instance(books: Books) -> dict[str, Any]:
    return next(iter(books.instances.values()))


def at_turn(books: Books, number: int | None) -> dict[str, Any]:
    """The job of that turn; of None one that waits for it."""
    return next(row for row in books.jobs.values() if row["turn"] == number)


def forged(books: Books, number: int, **told: Any) -> None:
    """Let a job have been told something else with its turn; the stream links well."""
    job = at_turn(books, number)
    events = books.events[job["id"]]
    place = next(place for place, each in enumerate(events) if each.kind == "wait_completed")
    value = {**events[place].body["value"], **told}
    other = replace(events[place], body={**events[place].body, "value": value})
    replaced(books, [*events[:place], other, *events[place + 1 :]])


def another_state(books: Books) -> str:
    forged(books, 3, state={"heard": ["forged"]})
    return "goes on from"


def a_job_is_left_out(books: Books) -> str:
    forged(books, 4, after=at_turn(books, 1)["id"])
    return "goes on from"


def a_turn_is_given_twice(books: Books) -> str:
    forged(books, 3, turn=2)
    return "has turn 2"


def the_row_keeps_another_state(books: Books) -> str:
    instance(books)["state"] = "{}"
    return "state is '{}'"


def the_row_forgot_who_is_at_work(books: Books) -> str:
    instance(books)["current"] = None
    return "current is None"


def the_row_counts_other_turns(books: Books) -> str:
    instance(books)["turn"] += 1
    return "turn is 6"


def a_job_lost_its_place(books: Books) -> str:
    at_turn(books, None)["line_at"] = None
    return "line_at is None"


def a_job_has_another_turn(books: Books) -> str:
    at_turn(books, 5)["turn"] = 7
    return "turn is 7"


def two_are_at_work(books: Books) -> str:
    at_turn(books, 4)["finished_at"] = None
    return "has begun beside job"


def nobody_calls_up_who_waits(books: Books) -> str:
    events = books.events[at_turn(books, 5)["id"]]
    born = replace(
        events[0], body={name: value for name, value in events[0].body.items() if name != "instance"}
    )
    replaced(books, [born, *events[1:]])
    instance(books)["current"] = None
    return "nothing will ever call it up"


def the_instance_is_missing(books: Books) -> str:
    books.instances.clear()  # type: ignore[attr-defined]
    return "does not exist, but has jobs"


BROKEN = [
    another_state, a_job_is_left_out, a_turn_is_given_twice, the_row_keeps_another_state, the_row_forgot_who_is_at_work,
    the_row_counts_other_turns, a_job_lost_its_place, a_job_has_another_turn, two_are_at_work, nobody_calls_up_who_waits,
    the_instance_is_missing,
]  # fmt: skip


def test_a_conversation_in_order_is_found_in_order(talk: Books) -> None:
    assert audit.rows_of(talk) == []
    assert sorted(row["turn"] or 0 for row in talk.jobs.values()) == [0, 0, 0, 1, 2, 3, 4, 5]


@pytest.mark.parametrize("broken", BROKEN, ids=lambda each: each.__name__)
def test_what_is_broken_in_a_conversation_is_found(broken: Callable[[Books], str], talk: Books) -> None:
    says = broken(talk)
    found = audit.rows_of(talk)
    assert any(says in each for each in found), found
