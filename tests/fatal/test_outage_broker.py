"""The broker goes away in the middle: commits do not need it, and the sweep knocks again for what was lost with it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.factories import recorded_knocks
from tests.fatal.effects import Effects
from tests.fatal.outages import Outage
from tests.fatal.processes import Nursery
from tests.fatal.stage import Stage
from tests.fatal.web import PAY, api, post
from tests.servers import Valkey

pytestmark = pytest.mark.fatal


@pytest.fixture
def on_own_broker(
    fresh_database: str, own_valkey: Valkey, nursery: Nursery, effects: Effects, tmp_path: Path
) -> Iterator[Stage]:
    """A stage on a broker of its own; this process knocks nowhere."""
    yield from on(fresh_database, own_valkey, nursery, effects, tmp_path)


def on(database: str, broker: Valkey, nursery: Nursery, effects: Effects, folder: Path) -> Iterator[Stage]:
    parts: dict[str, Any] = {
        "broker": broker.url,
        "folder": folder,
        "nursery": nursery,
        "effects": effects,
    }
    made = Stage(database=database, **parts)
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


@pytest.fixture
def forgetful(
    fresh_database: str, nursery: Nursery, effects: Effects, tmp_path: Path
) -> Iterator[tuple[Stage, Valkey]]:
    """A stage on a broker that comes back empty."""
    with Valkey() as broker:
        for stage in on(fresh_database, broker, nursery, effects, tmp_path):
            yield stage, broker


OUTAGES = {"emptied": (Valkey.kill, Valkey.start), "hanging": (Valkey.hang, Valkey.go_on)}


@pytest.mark.timeout(300)
@pytest.mark.parametrize("how", OUTAGES)
def test_a_long_outage_of_the_broker_kills_loses_and_doubles_nothing(
    forgetful: tuple[Stage, Valkey], token: str, how: str
) -> None:
    stage, broker = forgetful
    go, come = OUTAGES[how]
    stage.effects.behave("hang")
    workers, server = [stage.worker(), stage.worker()], api(stage)
    calling = [post(server, "jobs", PAY, token)[1]["id"] for _ in range(2)]
    waiting = post(server, "jobs", {**PAY, "agent": "fatal-wait"}, token)[1]["id"]
    stage.until_hanging(2)
    stage.until(lambda: stage.status(waiting) == "parked", "the wait", ticking=False)
    go(broker)
    outage = Outage()
    stage.effects.behave("normal")
    stage.effects.release()
    for job in calling:  # the receipt follows inline, in the slot that has made the call
        stage.until(lambda job=job: stage.status(job) == "completed", "a job without a broker", ticking=False)
    assert post(server, f"jobs/{waiting}/signals", {"name": "go"}, token)[0] == 202
    status, late = post(server, "jobs", PAY, token)
    assert status == 202
    outage.sit_out()
    come(broker)
    for job in (waiting, late["id"]):
        stage.until(lambda job=job: stage.status(job) == "completed", "a job that had to wait", ticking=False)
    for job in (*calling, waiting, late["id"]):
        assert stage.counts(job) == [1]
        assert not {"lease_lost", "outcome_unknown"} & set(stage.kinds(job))
    assert all(process.alive for process in (*workers, server))
    assert [row["dead"] for row in stage.workers()] == [False, False]
