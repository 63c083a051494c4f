"""Hosts whose clocks are wrong by minutes, and jump: leases, timers, deadlines and event times are the database's."""

from __future__ import annotations

import os
from datetime import datetime, timedelta
from typing import Any

import pytest

from jobs import clock
from tests import wrong_clock
from tests.fatal.processes import Running
from tests.fatal.stage import Stage
from tests.fatal.web import api, get, post
from tests.servers import TEST_DATABASE_URL

pytestmark = [
    pytest.mark.fatal,
    pytest.mark.skipif(TEST_DATABASE_URL not in os.environ, reason="a SQLite file lives on one host"),
]
FORMS = ("graph", "def", "async", "child", "sleep", "ask")


class Hosts:
    """Hosts of wrong clocks."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage

    def at(self, name: str, minutes: float) -> dict[str, Any]:
        """The environment of a host that is ahead by so many minutes; again: its clock jumps there."""
        file = self._stage.folder / f"{name}.clock"
        wrong_clock.set_to(file, minutes * 60)
        return {wrong_clock.VARIABLE: str(file)}


def submitted(server: Running, token: str) -> list[str]:
    """A job of each form."""
    wishes = [{"agent": f"fatal-{form}", "goal": {"tool": "fatal.pay_probed"}} for form in FORMS]
    return [post(server, "jobs", wish, token)[1]["id"] for wish in wishes]


def approve(stage: Stage, server: Running, token: str) -> None:
    """Vote within the deadline, which a host that is ahead would think past."""

    def asked() -> list[Any]:
        found: list[Any] = get(server, "/api/approvals?state=open", token)[1]["results"]
        return found

    stage.until(lambda: asked() != [], "the question", ticking=False)
    [vote] = asked()
    ballot = {"decision": "approve", "digest": vote["digest"]}
    assert post(server, f"approvals/{vote['id']}/decide", ballot, token)[0] == 200


def ended_on_time(stage: Stage, jobs: list[str], since: datetime) -> None:
    """All have ended well; each event was written between then and now, and the timer fired when it was due."""
    for job in jobs:
        stage.until(lambda job=job: stage.status(job) == "completed", "a job to complete", ticking=False)
        assert stage.counts(job) == [1]
        until = clock.database_now()
        for event in stage.events(job):
            assert since <= datetime.fromisoformat(event["at"]) <= until, (event["type"], event["at"])
    times = {e["type"]: datetime.fromisoformat(e["at"]) for e in stage.events(jobs[FORMS.index("sleep")])}
    assert times["timer_fired"] - times["job_parked"] >= timedelta(seconds=2.9)


def test_wrong_clocks_and_clocks_that_jump_move_no_lease_no_timer_and_no_event(
    stage: Stage, token: str
) -> None:
    hosts, since = Hosts(stage), clock.database_now() - timedelta(milliseconds=100)
    stage.worker(ttl=3, **hosts.at("late", -10))
    stage.worker(ttl=3, **hosts.at("early", +10))
    server = api(stage, **hosts.at("api", +5))
    jobs = submitted(server, token)
    approve(stage, server, token)
    ended_on_time(stage, jobs, since)
    for name, minutes in (("late", +10), ("early", -10), ("api", -5)):
        hosts.at(name, minutes)
    since = clock.database_now() - timedelta(milliseconds=100)
    jobs = submitted(server, token)
    for name, minutes in (("late", -10), ("early", +10), ("api", +5)):
        hosts.at(name, minutes)  # and back, in the middle of it
    approve(stage, server, token)
    ended_on_time(stage, jobs, since)
    assert [row["dead"] for row in stage.workers()] == [False, False]


def test_a_dead_worker_of_a_host_in_the_future_is_noticed_after_its_lease_and_not_after_its_clock(
    stage: Stage,
) -> None:
    hosts = Hosts(stage)
    first = stage.worker(crash="after_call:1", slots=1, ttl=3, **hosts.at("early", +10))
    job = stage.submit("graph", "fatal.pay_probed")
    stage.until_dead(first)
    stage.worker(ttl=3, **hosts.at("late", -10))
    stage.until(lambda: stage.status(job) == "completed", "the take-over", ticking=False)
    assert stage.counts(job) == [1]
