"""A replay does work in proportion to the stream: counted in calls of functions, for a clock says something else each time."""

from __future__ import annotations

import sys
from typing import Any

import pytest

from forensics.services import replay_job
from jobs.models import Job
from jobs.testing import run_until_parked
from tests.agents.tools import add
from tests.engine.driving import asked, flow

pytestmark = pytest.mark.usefixtures("here")
TURNS = (8, 16, 32, 64)


@flow
def replayed_at_length(ctx: Any, goal: dict[str, Any]) -> Any:
    """So many questions, one after the other."""
    total = 0
    for _ in range(goal["turns"]):
        total = ctx.tool(add, a=total + 1)
    return total


def _job(turns: int) -> str:
    job = asked("replayed_at_length", {"turns": turns})
    assert run_until_parked(job).status == "completed"
    return job


def _calls(job: str) -> int:
    count = 0

    def counted(frame: Any, event: str, argument: Any) -> None:
        nonlocal count
        count += event == "call"

    sys.setprofile(counted)
    try:
        told = replay_job(job)
    finally:
        sys.setprofile(None)
    assert told["ok"], told["problem"]
    return count


def test_twice_the_events_take_twice_the_work_and_not_four_times() -> None:
    jobs = [_job(turns) for turns in TURNS]
    _calls(jobs[0])  # what is loaded once is loaded
    events = [Job.objects.get(id=job).head_seq for job in jobs]
    work = [_calls(job) for job in jobs]
    rates = [(work[at + 1] - work[at]) / (events[at + 1] - events[at]) for at in range(len(TURNS) - 1)]
    assert max(rates) < 1.5 * min(rates), (events, work)
