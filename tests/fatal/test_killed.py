"""A worker is killed at every seam of a call, in every form of step: the effect happens once, or nobody claims to know."""

from __future__ import annotations

from typing import Any

import pytest

from tests.fatal.audit import Row
from tests.fatal.stage import FORMS, Stage

pytestmark = pytest.mark.fatal
BLIND, PROBED = "fatal.pay", "fatal.pay_probed"
every_form = pytest.mark.parametrize("form", FORMS)


def killed(stage: Stage, form: str, tool: str, *, at: str) -> str:
    """A job whose first worker died at a crash point, and a second worker that has come.

    Without a probe only one call may be under way, or the others' outcomes would be unknown too.
    """
    first = stage.worker(crash=at, slots=1 if tool == BLIND else 4)
    job = stage.submit(form, tool)
    stage.until_dead(first)
    stage.worker()
    return job


def completed(stage: Stage, job: str) -> None:
    stage.until_status(job, "completed", "failed")
    assert stage.status(job) == "completed", stage.story()
    assert set(stage.counts(job)) == {1}, stage.story()


def unresolved(stage: Stage, job: str) -> Row:
    """Wait until the job, or its child, is parked on one unknown outcome; the line in the inbox."""

    def inbox() -> list[Row]:
        return [line for line in stage.lines(job) if line["state"] == "unknown"]

    def settled() -> bool:
        return len(inbox()) == 1 and stage.status(str(inbox()[0]["job_id"])) == "parked"

    stage.until(settled, "an unresolved effect")
    assert [line["state"] for line in stage.lines(job) if line["state"] not in ("landed", "unknown")] == []
    return inbox()[0]


def counted(stage: Stage, line: Row) -> int:
    return stage.effects.counts().get(line["idempotency_key"], 0)


@every_form
def test_killed_before_the_promise_it_happens_once(stage: Stage, form: str) -> None:
    completed(stage, killed(stage, form, BLIND, at="before_promise:1"))


@every_form
def test_killed_before_the_call_it_is_made_again_if_the_probe_finds_nothing(stage: Stage, form: str) -> None:
    job = killed(stage, form, PROBED, at="before_call:1")
    completed(stage, job)
    assert max(line["attempt"] for line in stage.lines(job)) == 2


@pytest.mark.parametrize("form", ["graph", "def", "map"])
def test_killed_before_the_call_without_a_probe_a_person_says_that_it_is_absent(
    stage: Stage, form: str
) -> None:
    job = killed(stage, form, BLIND, at="before_call:1")
    line = unresolved(stage, job)
    assert counted(stage, line) == 0
    stage.resolve(line, "absent")
    completed(stage, job)


@every_form
def test_killed_after_the_call_its_effect_is_found_by_the_probe_and_adopted(stage: Stage, form: str) -> None:
    job = killed(stage, form, PROBED, at="after_call:1")
    completed(stage, job)
    verdicts = [kind for line in stage.lines(job) for kind in stage.kinds(str(line["job_id"]))]
    assert "outcome_resolved" in verdicts


@pytest.mark.parametrize("form", ["graph", "async", "child"])
def test_killed_after_the_call_without_a_probe_a_person_says_that_it_landed(stage: Stage, form: str) -> None:
    job = killed(stage, form, BLIND, at="after_call:1")
    line = unresolved(stage, job)
    assert counted(stage, line) == 1
    stage.resolve(line, "landed", made_by_hand())
    completed(stage, job)
    assert counted(stage, line) == 1


def made_by_hand() -> dict[str, Any]:
    """What a person read in the payment service's own books."""
    return {"id": "R-looked-up"}


@pytest.mark.parametrize(
    ("form", "at"),
    [
        ("graph", "before_claim:1"),
        ("graph", "after_claim:1"),
        ("graph", "after_outcome:1"),
        ("graph", "after_commit_before_knock:1"),
        ("async", "after_claim:2"),
        ("async", "after_commit_before_knock:2"),
    ],
)
def test_killed_between_two_calls_nothing_is_lost(stage: Stage, form: str, at: str) -> None:
    completed(stage, killed(stage, form, BLIND, at=at))
