"""Two processes at one step: one effect, one commit, and the slower one writes nothing (Laws L3, L4, E3)."""

from __future__ import annotations

import pytest

from tests.fatal.stage import FORMS, Stage

pytestmark = pytest.mark.fatal
JOBS, KNOCKS = 12, 4
TROUBLE = {"lease_lost", "outcome_unknown", "late_outcome", "node_retry_scheduled"}


def test_knocks_delivered_to_two_processes_at_once_lead_to_one_effect_each(stage: Stage) -> None:
    stage.worker()
    stage.worker()
    jobs = [stage.submit("graph", "fatal.pay") for _ in range(JOBS)]
    for job in jobs:
        for node in ("_plan", "pay", "receipt") * KNOCKS:
            stage.knock(job, node)
    for job in jobs:
        stage.until_status(job, "completed", "failed")
        assert stage.counts(job) == [1]
        claimed = [event["node"] for event in stage.events(job) if event["type"] == "node_started"]
        assert claimed == ["_plan", "pay", "receipt"]
        assert stage.kinds(job).count("tool_invocation_started") == 2
        assert not TROUBLE & set(stage.kinds(job))


@pytest.mark.parametrize("form", FORMS)
def test_who_comes_second_to_a_promise_writes_nothing_and_calls_nothing(stage: Stage, form: str) -> None:
    # A workflow has made its claim before it stands still; that lease passes.
    slow = stage.worker(crash="before_promise:1:HOLD", slots=1, ttl=3)
    job = stage.submit(form, "fatal.pay_keyed")
    stage.stop(slow)
    begun = slow.said.count("received")
    stage.worker(ttl=3)
    stage.until_status(job, "completed", "failed")
    told = stage.kinds(job)
    stage.go_on(slow)
    stage.until(
        lambda: slow.said.count("succeeded in") >= begun, "the slow worker to be through", ticking=False
    )
    assert stage.kinds(job) == told
    arrived = stage.effects.calls()
    assert {arrived.get(line["idempotency_key"]) for line in stage.lines(job)} == {1}
