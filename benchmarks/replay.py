"""`python -m benchmarks.replay`: how the time of a replay, and of a look at a past state, grows with a job's stream.

Workflows of several lengths really run, in a database of its own: SQLite in a folder that is removed. Then each is replayed
several times, and the best counts. The ratio of seconds per event to that of the shortest stream says whether it is linear:
around 1 it is, and a growing one means that it is not. Rates are of this run on this machine.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

PER_CALL = 4  # events: asked, promised, told, committed
COLUMNS = ("what", "events", "seconds", "events/s", "ratio")


def main() -> None:
    """Run, replay, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--events",
        type=int,
        nargs="*",
        default=[250, 500, 1_000, 2_000, 4_000],
        help="lengths of the streams",
    )
    parser.add_argument("--times", type=int, default=5, help="replays of each; the fastest counts")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="aetheris-replay-") as name:
        _ready(Path(name))
        table = _measured(given.events, given.times)
    for row in [COLUMNS, *table]:
        print("  ".join(str(cell).rjust(16) for cell in row))


def _ready(folder: Path) -> None:
    for variable in [each for each in os.environ if each.startswith("AETHERIS_")]:
        del os.environ[variable]
    os.environ |= {"DJANGO_SETTINGS_MODULE": "aetheris_site.settings", "AETHERIS_VAR": str(folder / "var")}
    import django
    from django.core.management import call_command

    django.setup()
    call_command("migrate", verbosity=0)


def _measured(lengths: list[int], times: int) -> list[tuple[object, ...]]:
    from forensics.services import replay_job
    from forensics.travel import state_at
    from jobs.models import Job

    jobs = [(_run(events), events) for events in lengths]
    rows: list[tuple[object, ...]] = []
    works: dict[str, Callable[[str], object]] = {
        "replay": lambda job: _identical(replay_job(job)),
        "state": lambda job: state_at(Job.objects.get(id=job)),
    }
    for what, work in works.items():
        first = 0.0
        for job, _ in jobs:
            events = Job.objects.get(id=job).head_seq
            seconds = min(_timed(lambda job=job, work=work: work(job)) for _ in range(times))  # type: ignore[misc]
            first = first or seconds / events
            rows.append(
                (
                    what,
                    events,
                    f"{seconds:.3f}",
                    f"{events / seconds:,.0f}",
                    f"{seconds / events / first:.2f}",
                )
            )
    return rows


def _identical(told: dict[str, object]) -> None:
    assert told["ok"], told


def _run(events: int) -> str:
    from jobs import submit
    from jobs.testing import in_this_process, run_until_parked
    from tests.engine.sample_flows import counts
    from tests.factories import person

    with in_this_process(seconds=1e7):
        job = str(submit(counts.name, {"turns": events // PER_CALL}, actor=person()))
        assert run_until_parked(job).status == "completed"
    return job


def _timed(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


if __name__ == "__main__":
    main()
