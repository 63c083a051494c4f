"""Moments between processes: from a knock to the start of its step, and from a signal to the next step."""

from __future__ import annotations

import time

from benchmarks.ours import floor
from benchmarks.ours.floor import ASK, MS

PAUSE = 0.02  # so that one is done before the next one comes


def main() -> None:
    """Run the case that was asked for."""
    floor.ready()
    with floor.workers(1, 4):
        floor.wait_for([floor.submitted("bench-chain", {"kind": "pure", "steps": 1}) for _ in range(5)])
        waited = _knocks(ASK["times"]) if ASK["case"] == "knock" else _signals(ASK["times"])
    floor.say(p50=floor.quantile(waited, 0.5) * MS, p99=floor.quantile(waited, 0.99) * MS)


def _knocks(times: int) -> list[float]:
    """From the birth of a job to the start of its planning."""
    jobs = []
    for _ in range(times):
        jobs.append(floor.submitted("bench-chain", {"kind": "pure", "steps": 1}))
        time.sleep(PAUSE)
    floor.wait_for(jobs)
    return [_between([job], "job_created", "node_started")[0] for job in jobs]


def _signals(times: int) -> list[float]:
    """From a signal, sent by this process, to the promise of the call after it, written by the worker."""
    from jobs import signal
    from jobs.models import Job

    job = floor.submitted("bench-signals", {"steps": times})
    for number in range(times):
        while Job.objects.values_list("status", flat=True).get(id=job) != "parked":
            time.sleep(PAUSE / 4)
        time.sleep(PAUSE)
        signal(job, f"go-{number}")
    floor.wait_for([job])
    return _between([job], "signal_received", "tool_invocation_started")


def _between(jobs: list[str], first: str, then: str) -> list[float]:
    pairs = zip(floor.moments(jobs, first), floor.moments(jobs, then), strict=False)
    return [(later - sooner).total_seconds() for sooner, later in pairs]


if __name__ == "__main__":
    main()
