"""Which facts of an approval give occasion to tell people."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

import pytest

from jobs.core.events import Fact
from jobs.core.occasions import Offset, ends_reminders, occasions_of
from jobs.core.state import JobState

AT = "2030-01-01T00:00:00.000000Z"
DEADLINE = "2030-01-02T00:00:00.000000Z"
HOUR, WEEK = Offset("1h", 3600.0), Offset("7d", 604800.0)


def state(status: str = "waiting", approval: str = "a") -> JobState:
    """A job that asks one approval at `ask`."""
    asked = SimpleNamespace(status=status, info={"approval": approval})
    return cast(JobState, SimpleNamespace(calls={"ask": asked}))


def requested(**more: Any) -> Fact:
    """The question."""
    body = {"approval": "a", "deadline": DEADLINE, **more}
    return Fact(type="approval_requested", node="ask", body=body, seq=7, at=AT)


def decided(effect: str, decision: str = "approve", **more: Any) -> Fact:
    """An answer."""
    body = {"approval": "a", "effect": effect, "decision": decision, **more}
    return Fact(type="approval_decided", node="ask", body=body, seq=9, at=AT)


def test_a_question_is_told_at_once_and_again_before_its_deadline() -> None:
    told = occasions_of(state(), requested(), [HOUR, WEEK])
    assert [(each.name, each.at, each.detail, each.seq) for each in told] == [
        ("asked", AT, "", 7),
        ("reminder", "2030-01-01T23:00:00.000000Z", "1h", 7),
    ], "a reminder that would come before the question is none"


def test_a_question_without_a_deadline_reminds_nobody() -> None:
    assert [each.name for each in occasions_of(state(), requested(deadline=None), [HOUR])] == ["asked"]


def test_a_question_that_was_settled_in_the_same_commit_is_not_asked() -> None:
    assert occasions_of(state("done"), requested(), [HOUR]) == ()
    assert occasions_of(state(approval="b"), requested(), [HOUR]) == ()


@pytest.mark.parametrize(
    ("effect", "decision", "name"),
    [
        ("approved", "approve", "decided"),
        ("rejected", "reject", "decided"),
        ("approved", "timed_out", "expired"),
        ("rejected", "timed_out", "expired"),
        ("escalated", "timed_out", "escalated"),
        ("delegated", "delegate", "delegated"),
        ("withdrawn", "withdrawn", "withdrawn"),
        ("vote", "approve", None),
    ],
)
def test_each_end_has_its_occasion(effect: str, decision: str, name: str | None) -> None:
    fact = decided(effect, decision)
    assert [each.name for each in occasions_of(state(), fact)] == ([name] if name else [])
    assert occasions_of(state(), decided(effect, decision, copied=3)) == (), "another job's"
    assert ends_reminders(fact) is (effect not in ("vote", "delegated"))


def test_no_other_fact_tells_anybody_anything() -> None:
    other = replace(requested(), type="job_parked")
    assert occasions_of(state(), other) == ()
    assert not ends_reminders(other)
