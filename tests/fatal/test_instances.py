"""A worker is killed in the middle of a conversation: every message is one job, in order, and no word is lost or doubled."""

from __future__ import annotations

import json
from typing import Any

import pytest

from jobs import create_agent, message_agent
from tests.factories import person
from tests.fatal.audit import Row, query
from tests.fatal.stage import Stage

pytestmark = pytest.mark.fatal
WORDS = ["one", "two", "three", "four"]


def a_desk() -> str:
    return str(create_agent("fatal-desk", actor=person()))


def say(desk: str, word: str, **more: Any) -> str:
    body = {"tool": "fatal.pay_probed", "word": word, **more}
    return str(message_agent(desk, body, id=word, actor=person()))


def instance(stage: Stage, desk: str) -> Row:
    rows = query(stage.database, "SELECT * FROM aetheris_jobs_agent")
    return next(row for row in rows if str(row["id"]).replace("-", "") == desk.replace("-", ""))


def in_order(stage: Stage, desk: str, jobs: list[str]) -> None:
    """All have completed, one after the other; each effect happened once; the state holds every word once."""
    for job in jobs:
        stage.until_status(job, "completed", "failed", "cancelled")
    rows = [stage.job(job) for job in jobs]
    assert [row["status"] for row in rows] == ["completed"] * len(jobs), stage.story()
    assert [row["turn"] for row in rows] == list(range(1, len(jobs) + 1))
    assert [stage.counts(job) for job in jobs] == [[1]] * len(jobs), stage.story()
    kept = instance(stage, desk)
    assert json.loads(kept["state"]) == {"heard": WORDS[: len(jobs)]}
    assert kept["current"] is None


@pytest.mark.parametrize(
    "at",
    [
        "before_claim:3", "after_claim:3", "before_promise:2", "after_call:2", "after_outcome:2", "in_append:9",
        "before_commit:6", "before_commit:7", "before_commit:8", "after_commit:6", "after_commit:7", "after_commit:8",
        "after_commit_before_knock:7", "before_delivery:1", "before_delivery:2",
    ],
)  # fmt: skip
def test_a_worker_is_killed_in_the_middle_of_a_conversation_and_another_goes_on(
    stage: Stage, at: str
) -> None:
    """All messages are there before the first worker comes: each but the first waits for its turn."""
    desk = a_desk()
    jobs = [say(desk, word) for word in WORDS]
    first = stage.worker(crash=at)
    stage.until(lambda: not first.alive, "a worker to die at its crash point")
    stage.worker()
    in_order(stage, desk, jobs)


def test_messages_sent_again_while_workers_die_are_no_second_jobs(stage: Stage) -> None:
    first = stage.worker(crash="after_call:1")
    desk = a_desk()
    jobs = [say(desk, word) for word in WORDS]
    stage.until(lambda: not first.alive, "a worker to die at its crash point")
    second = stage.worker(crash="after_outcome:2")
    assert [say(desk, word) for word in WORDS] == jobs
    stage.until(lambda: not second.alive, "another worker to die")
    stage.worker()
    in_order(stage, desk, jobs)
    assert [say(desk, word) for word in WORDS] == jobs
    assert stage.how_many_jobs() == len(WORDS)


@pytest.mark.parametrize("at", ["after_outcome:1", "before_commit:7", "after_commit:7", "before_delivery:1"])
def test_a_message_that_a_job_sends_arrives_once_although_its_worker_was_killed(
    stage: Stage, at: str
) -> None:
    first = stage.worker(crash=at)
    desk, other = a_desk(), a_desk()
    job = say(desk, "one", forward=other)
    stage.until(lambda: not first.alive, "a worker to die at its crash point")
    stage.worker()
    stage.until_status(job, "completed", "failed")
    stage.until(lambda: stage.how_many_jobs() == 2, "the message to arrive")
    rows = query(stage.database, "SELECT id, instance FROM aetheris_jobs_job")
    (sent,) = (row for row in rows if str(row["instance"]).replace("-", "") == other.replace("-", ""))
    stage.until_status(str(sent["id"]), "completed", "failed")
    assert json.loads(instance(stage, other)["state"]) == {"heard": ["one"]}
