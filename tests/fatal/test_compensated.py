"""A worker is killed while it undoes what has landed: it is undone once, or nobody claims to know (design: E8)."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import Any

import pytest

from jobs import cancel
from tests.factories import person
from tests.fatal.audit import Row
from tests.fatal.stage import Stage

pytestmark = pytest.mark.fatal
BLIND, PROBED, KEYED = "fatal.pay_back", "fatal.pay_back_probed", "fatal.pay_back_keyed"
SOON = timedelta(
    seconds=3
)  # a worker looks every second for what is cancelled; then the undoing takes its time
FIRST_UNDO = 4  # calls before it: two payments, and the step that fails


def saga(stage: Stage, tool: str) -> str:
    """A job that pays twice, fails, and takes both payments back."""
    return stage.submit("saga", tool, on_failure="compensate")


def killed(stage: Stage, tool: str, *, at: str) -> str:
    """The same, its first worker dead at a crash point, and a second worker that has come."""
    first = stage.worker(crash=at, slots=1)
    job = saga(stage, tool)
    stage.until_dead(first)
    stage.worker()
    return job


def undone(stage: Stage, job: str) -> None:
    """Wait for the end, at which both payments have been taken back, each once; the last one first."""
    stage.until_status(job, "failed", "completed", "cancelled")
    told = report(stage, job)
    assert [each["node"] for each in told["undone"]] == ["first", "second"], stage.story()
    assert told["not_undone"] == []
    assert set(stage.counts(job)) == {1}
    ended = [event["node"] for event in stage.events(job) if event["type"] == "compensation_finished"]
    assert ended == ["_compensate/second", "_compensate/first"]


def report(stage: Stage, job: str) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(stage.job(job)["compensation"])
    return told


def unresolved(stage: Stage, job: str) -> Row:
    """Wait until the job is parked on the one compensation whose outcome is unknown; its line in the inbox."""

    def inbox() -> list[Row]:
        return [line for line in stage.lines(job) if line["state"] == "unknown"]

    stage.until(lambda: len(inbox()) == 1 and stage.status(job) == "parked", "an unresolved compensation")
    assert inbox()[0]["node"] == "_compensate/second"
    return inbox()[0]


def test_what_a_failed_job_has_paid_is_taken_back_once(stage: Stage) -> None:
    stage.worker()
    undone(stage, saga(stage, BLIND))


@pytest.mark.parametrize("tool", [PROBED, KEYED])
@pytest.mark.parametrize(
    "at", ["in_append:5", "after_commit:5", "in_append:6", "after_commit:6", "before_outcome:4"]
)
def test_killed_between_two_compensations_nothing_is_lost_or_doubled(
    stage: Stage, tool: str, at: str
) -> None:
    """Append 5 fails the job and promises the first undoing, append 6 tells that and promises the second."""
    undone(stage, killed(stage, tool, at=at))


@pytest.mark.parametrize(("at", "happened"), [("before_call", 0), ("after_call", 1)])
def test_killed_at_the_undoing_a_person_says_what_became_of_it(stage: Stage, at: str, happened: int) -> None:
    job = killed(stage, BLIND, at=f"{at}:{FIRST_UNDO}")
    line = unresolved(stage, job)
    assert stage.effects.counts().get(line["idempotency_key"], 0) == happened
    stage.resolve(line, "landed" if happened else "absent", {"id": "V-looked-up"} if happened else None)
    undone(stage, job)


def test_killed_at_the_undoing_a_person_may_give_it_up_and_the_other_is_still_undone(stage: Stage) -> None:
    job = killed(stage, BLIND, at=f"before_call:{FIRST_UNDO}")
    stage.resolve(unresolved(stage, job), "fail")
    stage.until_status(job, "failed")
    told = report(stage, job)
    assert [each["node"] for each in told["undone"]] == ["first"]
    assert [(each["node"], each["reason"]) for each in told["not_undone"]] == [("second", "failed")]


@pytest.mark.parametrize("at", ["before_call", "after_call"])
def test_killed_at_an_undoing_that_can_be_asked_about_nobody_is_asked(stage: Stage, at: str) -> None:
    job = killed(stage, PROBED, at=f"{at}:{FIRST_UNDO}")
    undone(stage, job)
    resolved = [event for event in stage.events(job) if event["type"] == "outcome_resolved"]
    assert [json.loads(event["body"])["verdict"] for event in resolved] == [
        "landed" if at == "after_call" else "absent"
    ]


@pytest.mark.parametrize("at", ["before_call", "after_call"])
def test_killed_at_an_idempotent_undoing_it_is_called_again_with_the_same_key(stage: Stage, at: str) -> None:
    job = killed(stage, KEYED, at=f"{at}:{FIRST_UNDO}")
    undone(stage, job)
    (line,) = [line for line in stage.lines(job) if line["node"] == "_compensate/second"]
    assert line["attempt"] == 2
    assert stage.effects.calls()[line["idempotency_key"]] == (2 if at == "after_call" else 1)


@pytest.mark.parametrize("tool", ["fatal.patient", "fatal.patient_async"])
def test_a_cancel_stops_a_long_call_soon_starts_nothing_more_and_undoes_what_has_landed(
    stage: Stage, tool: str
) -> None:
    stage.worker()
    job = stage.submit("patient", tool)
    stage.until(lambda: "long" in claimed(stage, job), "the long call")
    cancel(job, actor=person(), compensate=True)
    stage.until_status(job, "cancelled", "failed", "completed")
    assert stage.status(job) == "cancelled"
    assert "never" not in claimed(stage, job)
    assert [each["node"] for each in report(stage, job)["undone"]] == ["first"]
    asked, ended = (at(stage, job, kind) for kind in ("job_cancelling", "job_cancelled"))
    assert ended - asked < SOON


def claimed(stage: Stage, job: str) -> list[str]:
    """The steps that a worker has begun."""
    return [event["node"] for event in stage.events(job) if event["type"] == "node_started"]


def at(stage: Stage, job: str, kind: str) -> datetime:
    """When something happened, by the record."""
    return next(datetime.fromisoformat(each["at"]) for each in stage.events(job) if each["type"] == kind)
