"""The database, or the broker, goes away in the middle of a call: no worker dies, and the outcome is written."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.factories import recorded_knocks
from tests.fatal.effects import Effects
from tests.fatal.processes import Nursery
from tests.fatal.stage import Stage
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
        migration = made.start("django", ["migrate", "--verbosity", "0"])
        made.until(lambda: not migration.alive, "the migrations", ticking=False)
        yield made
        made.check()
    finally:
        made.close()


def submitted(stage: Stage, form: str) -> str:
    """A job, submitted by another process."""
    process = stage.start("tests.fatal.submitting", [f"fatal-{form}", json.dumps({"tool": "fatal.pay"})])
    stage.until(lambda: not process.alive, "the submission", ticking=False)
    return process.said.split("job ")[1].strip()


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


@pytest.fixture
def on_own_broker(
    fresh_database: str, own_valkey: Valkey, nursery: Nursery, effects: Effects, tmp_path: Path
) -> Iterator[Stage]:
    """A stage on a broker of its own; this process knocks nowhere."""
    parts: dict[str, Any] = {
        "broker": own_valkey.url,
        "folder": tmp_path,
        "nursery": nursery,
        "effects": effects,
    }
    made = Stage(database=fresh_database, **parts)
    try:
        with recorded_knocks():
            yield made
        made.check()
    finally:
        made.close()


def test_the_broker_dies_during_a_call_and_the_job_goes_on(on_own_broker: Stage, own_valkey: Valkey) -> None:
    stage = on_own_broker
    stage.effects.behave("hang")
    worker = stage.worker()
    job = stage.submit("def", "fatal.pay")
    stage.until_hanging(ticking=True)
    own_valkey.kill()
    stage.effects.behave("normal")
    stage.effects.release()
    stage.until(
        lambda: stage.lines(job)[0]["state"] == "landed", "the outcome without a broker", ticking=False
    )
    own_valkey.start()
    other = stage.submit("graph", "fatal.pay")
    stage.until_status(job, "completed", "failed")
    stage.until_status(other, "completed", "failed")
    assert worker.alive
    assert stage.counts(job) == stage.counts(other) == [1]
