"""Knocks that come many times, in any order, too early, too late, or for nothing, change nothing."""

from __future__ import annotations

import random
from collections import Counter

import pytest

from tests.fatal.stage import FORMS, Stage

pytestmark = pytest.mark.fatal
FLOOD = 120


def steps_of(stage: Stage, jobs: list[str]) -> list[tuple[str, str]]:
    """The steps that the jobs have had so far, and some that nobody has."""
    known = {(job, event["node"]) for job in jobs for event in stage.events(job) if event["node"]}
    return sorted({*known, *((job, name) for job in jobs for name in ("_plan", "pay", "receipt", "nothing"))})


def flood(stage: Stage, jobs: list[str], dice: random.Random) -> None:
    """Knock for steps of all kinds, each several times, in no order."""
    steps = steps_of(stage, jobs)
    for job, node in dice.choices(steps, k=FLOOD):
        stage.knock(job, node)


def test_a_flood_of_doubled_and_reordered_knocks_runs_each_step_once(stage: Stage) -> None:
    dice = random.Random(20261126)
    for _ in range(3):
        stage.worker(slots=2)
    ended = [stage.submit(form, "fatal.pay") for form in FORMS]
    for job in ended:
        stage.until_status(job, "completed", "failed")
    told = {job: stage.kinds(job) for job in ended}
    stage.effects.behave("slow", seconds=0.2)
    jobs = [stage.submit(form, "fatal.pay") for form in FORMS]
    for _ in range(2):
        flood(stage, [*ended, *jobs], dice)
    for job in jobs:
        stage.until_status(job, "completed", "failed")
        assert set(stage.counts(job)) == {1}
        claims = Counter(event["node"] for event in stage.events(job) if event["type"] == "node_started")
        assert set(claims.values()) == {1}, claims
    flood(stage, jobs, dice)  # all of them stale
    late = stage.submit("graph", "fatal.pay")
    stage.until_status(late, "completed", "failed")
    assert {job: stage.kinds(job) for job in ended} == told


def test_a_knock_before_its_time_starts_no_retry(stage: Stage) -> None:
    stage.worker()
    waiting = [stage.submit(form, "fatal.pay") for form in ("wait", "ask", "sleep")]
    for job in waiting:  # the sleeper may have woken already, on a busy machine
        stage.until(lambda job=job: "job_parked" in stage.kinds(job), "a job to park")
    before = [stage.kinds(job) for job in waiting[:2]]
    flood(stage, waiting, random.Random(1))
    done = stage.submit("graph", "fatal.pay")
    stage.until_status(done, "completed", "failed")
    assert [stage.kinds(job) for job in waiting[:2]] == before
    stage.until_status(waiting[2], "completed", "failed")
    assert stage.kinds(waiting[2]).count("timer_fired") == 1
