"""SIGTERM while a call is under way: the call finishes and is told, and the job goes on elsewhere."""

from __future__ import annotations

import signal

import pytest

from tests.fatal.stage import Stage

pytestmark = pytest.mark.fatal


@pytest.mark.parametrize("form", ["graph", "def", "async"])
def test_a_drained_worker_finishes_its_call_and_another_goes_on(stage: Stage, form: str) -> None:
    stage.effects.behave("hang")
    first = stage.worker(slots=1)
    job = stage.submit(form, "fatal.pay")
    stage.until_hanging()
    first.send(signal.SIGTERM)
    stage.until(lambda: "Warm shutdown" in first.said, "the worker to drain", ticking=False)
    stage.worker()
    stage.effects.behave("normal")
    stage.effects.release()
    stage.until_status(job, "completed", "failed")
    assert stage.counts(job) == [1]
    assert stage.kinds(job).count("tool_invocation_started") == 2
    assert "outcome_unknown" not in stage.kinds(job)
    stage.until(lambda: not first.alive, "the drained worker to leave")


def test_a_drained_worker_that_is_idle_leaves_at_once_and_its_death_is_known(stage: Stage) -> None:
    first = stage.worker()
    first.send(signal.SIGTERM)
    stage.until(lambda: not first.alive, "the drained worker to leave", ticking=False, seconds=20)
    assert [(bool(row["dead"]), bool(row["known_dead"])) for row in stage.workers()] == [(True, True)]
