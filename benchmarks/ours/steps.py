"""`latency`: one job of `steps` steps, alone. `throughput`: `jobs` jobs of `steps` steps, `at_once` at a time."""

from __future__ import annotations

from benchmarks.ours import floor
from benchmarks.ours.floor import ASK, MS


def main() -> None:
    """Run the case that was asked for."""
    floor.ready()
    if ASK["case"] == "latency":
        _alone(ASK["kind"], ASK["steps"])
    else:
        _many(ASK["kind"], ASK["steps"], ASK["jobs"], ASK["at_once"], ASK.get("processes", 1))


def _job(kind: str, steps: int) -> str:
    if kind == "workflow":
        return floor.submitted("bench-workflow", {"steps": steps})
    return floor.submitted("bench-chain", {"kind": kind, "steps": steps})


def _alone(kind: str, steps: int) -> None:
    """From the submission to the end, so that the way through the broker counts."""
    with floor.workers(1, 2):
        floor.wait_for([_job(kind, 10)])
        job = _job(kind, steps)
        floor.wait_for([job])
        seconds = floor.spent([job], since="job_created")
    floor.say(ms=seconds / steps * MS, per_s=steps / seconds)


def _many(kind: str, steps: int, jobs: int, at_once: int, processes: int) -> None:
    """Workers that have done some jobs, as the peers' have, stand still while all are made; from the first claim to the last end."""
    with floor.workers(processes, max(1, at_once // processes)) as crew:
        floor.wait_for([_job(kind, steps) for _ in range(2 * at_once)])
        with floor.held(crew):
            made = [_job(kind, steps) for _ in range(jobs)]
        floor.wait_for(made)
    seconds = floor.spent(made)
    floor.say(ms=seconds / (steps * jobs) * MS, per_s=steps * jobs / seconds)


if __name__ == "__main__":
    main()
