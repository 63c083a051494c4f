"""The database goes away in the middle of a call: no worker dies, nobody is buried, and the outcome is written."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.fatal.effects import Effects
from tests.fatal.outages import TTL, Outage, a_token, migrated, submitted
from tests.fatal.processes import Nursery, Running
from tests.fatal.stage import Stage
from tests.fatal.web import PAY, api, get, post
from tests.servers import Postgres, Valkey

pytestmark = pytest.mark.fatal


@pytest.fixture
def own(
    own_postgres: Postgres, shared_valkey: Valkey, nursery: Nursery, effects: Effects, tmp_path: Path
) -> Iterator[Stage]:
    """A stage on a database server of its own, to which this process itself is not connected."""
    parts: dict[str, Any] = {
        "broker": shared_valkey.url,
        "folder": tmp_path,
        "nursery": nursery,
        "effects": effects,
    }
    made = Stage(database=own_postgres.url, **parts)
    try:
        made.lose_every_knock()
        migrated(made)
        yield made
        made.check()
    finally:
        made.close()


def test_the_database_dies_during_a_call_and_the_outcome_is_written(
    own: Stage, own_postgres: Postgres
) -> None:
    own.effects.behave("hang")
    worker = own.worker(ttl=3)
    jobs = [submitted(own, form) for form in ("graph", "async")]
    own.until_hanging(2)
    own_postgres.kill()  # no farewell to anybody, as with `-m immediate`
    own.effects.behave("normal")
    own.effects.release()
    own.until(lambda: "does not answer" in worker.said, "the worker to notice", ticking=False)
    own_postgres.start()
    for job in jobs:
        own.until_status(job, "completed", "failed")
        assert own.counts(job) == [1]
        assert "outcome_unknown" not in own.kinds(job)
    assert worker.alive


def away(server: Running, token: str) -> bool:
    """Whether the API says that the database is away, in the form of a problem, and is alive itself."""
    status, told, kind = get(server, "/api/jobs", token)
    if status == 200:
        return False
    assert (status, told["code"], kind) == (503, "database_unavailable", "application/problem+json"), told
    assert get(server, "/healthz")[0] == 200
    status, told, _ = get(server, "/readyz")
    assert status == 503
    assert told["missing"] == ["database"]
    return True


OUTAGES = {
    "killed": (Postgres.kill, Postgres.start),  # it must recover from its write-ahead log
    "hanging": (Postgres.hang, Postgres.go_on),  # it takes questions and answers none
    "refusing": (Postgres.stop, Postgres.start),  # it says good-bye, and takes no connection
}


@pytest.mark.timeout(300)
@pytest.mark.parametrize("how", OUTAGES)
def test_a_long_outage_of_the_database_kills_loses_and_doubles_nothing(
    own: Stage, own_postgres: Postgres, how: str
) -> None:
    go, come = OUTAGES[how]
    token = a_token(own)
    own.effects.behave("hang")
    workers = [own.worker(ttl=TTL) for _ in range(2)]
    server = api(own)
    beat = own.start("celery", ["-A", "aetheris_site", "beat", "-l", "INFO", "--pidfile="])
    calling = [submitted(own, form) for form in ("graph", "async")]
    own.until_hanging(2)
    waiting, sleeping = submitted(own, "wait"), submitted(own, "sleep")
    for job in (waiting, sleeping):  # the sleeper may have woken already, on a busy machine
        own.until(lambda job=job: "job_parked" in own.kinds(job), "a job to park", ticking=False)
    go(own_postgres)
    outage = Outage()
    own.effects.behave("normal")
    own.effects.release()
    while not outage.over:
        assert away(server, token)
    come(own_postgres)
    own.until(lambda: not away(server, token), "the API to recover", ticking=False)
    asked = beat.said.count("Sending due task")
    assert post(server, f"jobs/{waiting}/signals", {"name": "go"}, token)[0] == 202
    status, late = post(server, "jobs", PAY, token)
    assert status == 202
    for job in (*calling, waiting, sleeping, late["id"]):
        own.until(lambda job=job: own.status(job) == "completed", f"job {job}", ticking=False)
        assert own.counts(job) == [1]
        # A worker without a lease right after the outage may hand a step back, and a pure call of ten seconds is late.
        lost = [
            (event["type"], event["body"])
            for event in own.events(job)
            if event["type"] == "outcome_unknown" or '"reason":"worker_dead"' in event["body"]
        ]
        assert lost == []
    own.until(lambda: beat.said.count("Sending due task") > asked, "beat to go on", ticking=False)
    assert [row["dead"] for row in own.workers()] == [False, False]
    assert all(process.alive for process in (*workers, server, beat))


def test_a_worker_that_cannot_renew_its_lease_enters_no_tool(own: Stage, own_postgres: Postgres) -> None:
    """Its call is promised and not made; what has not been sent is sent when it has a lease again."""
    worker = own.worker(ttl=2, crash="after_promise:1:HOLD")
    job = submitted(own, "graph")
    own.until((own.folder / "w1.reached").exists, "the promise", ticking=False)
    own_postgres.hang()
    time.sleep(2.5)  # more than its lease
    own.go_on(worker)
    time.sleep(0.5)
    unsent = own.effects.calls()
    own_postgres.go_on()
    own.until_status(job, "completed", "failed")
    [key] = [line["idempotency_key"] for line in own.lines(job)]
    assert key not in unsent
    assert own.effects.calls()[key] == own.effects.counts()[key] == 1
    told = [
        json.loads(e["body"])["status"] for e in own.events(job) if e["type"] == "tool_invocation_finished"
    ]
    assert told[0] == "not_sent"
    assert len(own.workers()) == 1
