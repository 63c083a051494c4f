"""One long job: whether its last step costs what its tenth did; how long a cold start, a replay and a verification take."""

from __future__ import annotations

import time
from collections.abc import Callable

from benchmarks.ours import floor
from benchmarks.ours.floor import ASK, MS

WINDOW = 100  # steps at each end
WARM = 10


def main() -> None:
    """Run the job, then look at it."""
    floor.ready()
    with floor.workers(1, 2):
        floor.wait_for([floor.submitted("bench-workflow", {"steps": WARM})])
        job = floor.submitted("bench-workflow", {"steps": ASK["steps"]})
        floor.wait_for([job])
    told = floor.moments([job], "tool_invocation_finished")
    size = min(WINDOW, len(told) // 3)
    early = (told[WARM + size] - told[WARM]).total_seconds() / size
    late = (told[-1] - told[-1 - size]).total_seconds() / size
    floor.say(late_to_early=late / early, early_ms=early * MS, late_ms=late * MS, **_looks(job))


def _looks(job: str) -> dict[str, float]:
    from forensics.services import replay_job, verify_job
    from forensics.travel import state_at
    from jobs.models import Job

    row = Job.objects.get(id=job)
    events = row.head_seq
    cold = _seconds(lambda: state_at(row))
    return {
        "events": events,
        "cold_ms": cold * MS,
        "fold_per_s": events / cold,
        "replay_per_s": events / _seconds(lambda: replay_job(job)),
        "verify_per_s": events / _seconds(lambda: verify_job(job)),
    }


def _seconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


if __name__ == "__main__":
    main()
