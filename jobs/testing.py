"""For tests of agents: run jobs in this very process, without a broker, a worker or a wait.

    from jobs.testing import run_until_parked

    job = submit("refund", {"order_id": "A-1"})
    assert run_until_parked(job).status == "parked"

The test must commit for real: what happens to a job is never written inside a caller's transaction.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

from . import clock, closed, knocks, runner, store
from .core.commands import Due
from .core.state import JobState
from .incarnation import Incarnation, become, registered
from .models import Job, Step
from .registration import register
from .services import deliver_due

ROUNDS = 10_000


class Restless(AssertionError):
    """The job still moves after very many rounds: it would never come to rest."""


@contextmanager
def strict() -> Iterator[None]:
    """Fail every workflow and planner that reaches around ctx while the block runs; in all threads of this process.

    Clock, dice, environment, files, network, processes, threads, databases and direct calls of tools are closed to them. The
    job fails with the code `outside_world`, and its message names what was reached for, the line, and what to write
    instead. Tools may do what they like. `AETHERIS = {"STRICT": True}` does the same for a whole process.
    """
    with closed.forced():
        yield


@contextmanager
def in_this_process(name: str = "this test", *, seconds: float = 3600.0) -> Iterator[Incarnation]:
    """Make this process a worker for the duration of the block; knocks go nowhere meanwhile.

    Args:
        name: what the worker is called in the events.
        seconds: how long its lease holds.
    """
    before = registered()
    me, _ = register(name, slots=1, hand_off=False, ttl=seconds)
    me.deadline = time.monotonic() + seconds
    become(me)
    try:
        with knocks.unheard():
            yield me
    finally:
        become(before)


def run_until_parked(job: str | UUID, *, rounds: int = ROUNDS) -> JobState:
    """Drive a job, and the jobs it starts, until all of them have ended or wait for an answer or for time.

    Time does not pass by itself: move it with `jobs.clock.shift(seconds)`, and call this again.

    Args:
        job: its id.
        rounds: after so many the job is given up.

    Returns:
        The job's state: `status`, `output`, `failure`, `nodes`, …

    Raises:
        Restless: it does not come to rest.
    """
    if registered() is None:
        with in_this_process():
            return _run(str(job), rounds)
    with knocks.unheard():
        return _run(str(job), rounds)


def _run(job: str, rounds: int) -> JobState:
    for _ in range(rounds):
        before = _heads(job)
        delivered = deliver_due()
        for each, node, state in _due(job):
            _look(each, node, state)
        if _heads(job) == before and not delivered:
            return store.load(job)
    raise Restless(f"job {job} still moves after {rounds} rounds")


def _family(job: str) -> list[str]:
    """The job and all that it has started, directly or not."""
    found, new = [job], [job]
    while new:
        new = [str(each) for each in Job.objects.filter(parent_job__in=new).values_list("id", flat=True)]
        found += new
    return found


def _heads(job: str) -> dict[str, int]:
    rows = Job.objects.filter(id__in=_family(job)).values_list("id", "head_seq")
    return {str(each): head for each, head in rows}


def _due(job: str) -> list[tuple[str, str, str]]:
    rows = Step.objects.filter(job_id__in=_family(job), wake_at__lte=clock.database_now()).order_by("id")
    return [(str(each), node, state) for each, node, state in rows.values_list("job_id", "node", "state")]


def _look(job: str, node: str, state: str) -> None:
    if state in ("parked", "running"):
        store.commit(job, Due(node=node), now=clock.database_now())
    if state != "running":
        runner.drive(job, node)
