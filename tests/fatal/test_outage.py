"""The database, or the broker, goes away in the middle of a call: no worker dies, and the outcome is written."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fatal.effects import Effects
from tests.fatal.processes import Nursery
from tests.fatal.stage import Stage
from tests.servers import Postgres, Valkey

pytestmark = pytest.mark.fatal


@pytest.fixture
def own(own_postgres: Postgres, own_valkey: Valkey, nursery: Nursery, effects: Effects, tmp_path: Path) -> Iterator[Stage]:
    """A stage on servers of its own; this process itself is not connected to them."""
    made = Stage(database=own_postgres.url, broker=own_valkey.url, folder=tmp_path, nursery=nursery, effects=effects)
    try:
        migration = made.start("django", ["migrate", "--verbosity", "0"])
        made.until(lambda: not migration.alive, "the migrations", ticking=False)
        yield made
        made.check()
    finally:
        made.close()


def submitted(stage: Stage, form: str) -> str:
    """A job, submitted by another process."""
    goal = json.dumps({"tool": "fatal.pay"})
    process = stage.start("tests.fatal.submitting", [f"fatal-{form}", goal])
    stage.until(lambda: not process.alive, "the submission", ticking=False)
    return process.said.split("job ")[1].strip()


@pytest.mark.parametrize("form", ["graph", "async"])
def test_the_database_dies_during_a_call_and_the_outcome_is_written(own: Stage, own_postgres: Postgres, form: str) -> None:
    own.effects.behave("hang")
    worker = own.worker(ttl=3)
    job = submitted(own, form)
    own.until_hanging()
    own_postgres.kill()  # what `-m immediate` does, and no farewell
    own.effects.behave("normal")
    own.effects.release()
    own.until(lambda: "does not answer" in worker.said, "the worker to notice", ticking=False)
    own_postgres.start()
    own.until_status(job, "completed", "failed")
    assert worker.alive
    assert own.counts(job) == [1]
    assert "outcome_unknown" not in own.kinds(job)


def test_the_broker_dies_during_a_call_and_the_job_goes_on(own: Stage, own_valkey: Valkey) -> None:
    own.effects.behave("hang")
    worker = own.worker()
    job = submitted(own, "def")
    own.until_hanging()
    own_valkey.kill()
    own.effects.behave("normal")
    own.effects.release()
    own.until(lambda: own.lines(job)[0]["state"] == "landed", "the outcome to be written without a broker", ticking=False)
    own_valkey.start()
    other = submitted(own, "graph")
    own.until_status(job, "completed", "failed")
    own.until_status(other, "completed", "failed")
    assert worker.alive
    assert own.counts(job) == own.counts(other) == [1]
