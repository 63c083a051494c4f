"""A job of every example runs, in strict mode, and is identical when its code is run again."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import examples
import examples.loan  # registers the agent
from forensics.services import replay_job
from forensics.travel import state_at
from jobs import approve, submit
from jobs.agents import all_agents
from jobs.models import Job
from jobs.testing import run_until_parked, strict
from tests.examples.conftest import payments  # noqa: F401 - a fixture
from tests.examples.payment_process import PaymentProcess
from tests.factories import person

pytestmark = pytest.mark.usefixtures("here")
HOME = Path(examples.__file__).parent


def _refund(order: str) -> str:
    job = str(submit("refund", {"order_id": order}, actor=person()))
    if run_until_parked(job).status == "parked":
        approve(job, actor=person("bob"))
        run_until_parked(job)
    return job


def _loan(application: str) -> str:
    job = str(submit("loan", {"application_id": application}, actor=person("clerk")))
    if run_until_parked(job).status == "parked":
        approve(job, actor=person("officer"))
        run_until_parked(job)
    return job


# example -> its jobs
RUNS: dict[str, list[Callable[[], str]]] = {
    "refund": [lambda: _refund("A-1001"), lambda: _refund("A-1002")],
    "loan": [lambda: _loan("L-2001"), lambda: _loan("L-2002")],
}


@pytest.mark.parametrize("name", RUNS)
def test_a_job_of_an_example_is_replayed_identically(
    name: str,
    payments: PaymentProcess,  # noqa: F811
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("AETHERIS_PAYMENTS_URL", payments.url)
    monkeypatch.setenv("AETHERIS_LOAN_BOOK", str(tmp_path / "payouts.jsonl"))
    for run in RUNS[name]:
        with strict():
            job = run()
        row = Job.objects.get(id=job)
        assert row.status == "completed", state_at(row)["failure"]
        calls = payments.stats()
        told: dict[str, Any] = replay_job(job)
        assert (told["problem"], told["ok"]) == (None, True)
        assert told["sources"]
        assert all(each["recorded"] == each["here"] for each in told["sources"])
        assert payments.stats() == calls


def test_no_example_with_an_agent_is_left_out() -> None:
    ours = {
        agent.fn.__module__.split(".")[1]
        for agent in all_agents()
        if agent.fn.__module__.startswith("examples.")
    }
    assert ours <= set(RUNS), f"add a run of {ours - set(RUNS)} to RUNS"
