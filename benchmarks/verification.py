"""`python -m benchmarks.verification`: how fast the record of many small jobs and of large ones is verified at rest.

A job runs and is copied, in a database of its own: SQLite in a folder that is removed, or the empty Postgres that
AETHERIS_BENCH_DATABASE_URL names. Rates are of this run on this machine: compare them with each other, not with another
day's.
"""

from __future__ import annotations

import argparse
import cProfile
import os
import pstats
import resource
import sys
import tempfile
import time
from pathlib import Path

PER_CALL = 7  # events
COLUMNS = ("what", "jobs", "events", "seconds", "events/s", "queries/job", "memory MiB")


def main() -> None:
    """Seed, measure, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobs", type=int, default=2_000, help="small jobs")
    parser.add_argument(
        "--events",
        type=int,
        nargs="*",
        default=[3_000, 10_000],
        help="events of each large job; it is really run, which takes minutes",
    )
    parser.add_argument("--profile", action="store_true", help="print where the time goes, too")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="aetheris-verification-") as name:
        _ready(Path(name))
        table = [COLUMNS, _small(given.jobs, profile=given.profile)]
        table += [_large(events, profile=given.profile) for events in given.events]
    for row in table:
        print("  ".join(str(cell).rjust(12) for cell in row))


def _ready(folder: Path) -> None:
    database = os.environ.get("AETHERIS_BENCH_DATABASE_URL", "")
    for variable in [each for each in os.environ if each.startswith("AETHERIS_")]:
        del os.environ[variable]
    os.environ |= {"DJANGO_SETTINGS_MODULE": "aetheris_site.settings", "AETHERIS_VAR": str(folder / "var")}
    if database:
        os.environ["AETHERIS_DATABASE_URL"] = database
    import django
    from django.core.management import call_command

    django.setup()
    call_command("migrate", verbosity=0)


def _small(count: int, *, profile: bool) -> tuple[object, ...]:
    from benchmarks.clones import copied
    from forensics import inspection
    from jobs import approve
    from jobs.testing import in_this_process, run_until_parked
    from tests.engine.driving import a_word, started
    from tests.factories import person
    from tests.forensics.cast_of_graphs import refund_like

    word = a_word()
    with in_this_process(seconds=1e7):
        job = started(refund_like(word))
        run_until_parked(job)
        approve(job, actor=person("bob"), comment="fine")
        assert run_until_parked(job).status == "completed"
    copied(job, [word], count - 1)
    row = inspection.ask("default", inspection.Scope(), inspection.Asker("command", "bench", "bench"))
    seconds, queries = _timed(lambda: inspection.run(row.id, None), profile=profile)
    row.refresh_from_db()
    assert (row.state, row.broken, row.jobs) == ("done", 0, count), row
    return _row("small jobs", row.jobs, row.events, seconds, queries)


def _large(events: int, *, profile: bool) -> tuple[object, ...]:
    from forensics.services import verify_job

    job = _run(events)
    told: list[dict[str, object]] = []
    seconds, queries = _timed(lambda: told.append(verify_job(job)), profile=profile)
    assert told[0]["ok"], told[0]
    return _row("one job", 1, int(str(told[0]["events"])), seconds, queries)


def _run(events: int) -> str:
    """A job that has called a tool for each of many texts; it is really run, which takes its time."""
    from jobs import TaskGraph
    from jobs.testing import in_this_process
    from tests.agents.tools import put
    from tests.engine.driving import a_word, ran

    graph = TaskGraph()
    words = [{"w": a_word()} for _ in range(events // PER_CALL)]
    graph.output(graph.map("each", put, over=words, each={"word": graph.item["w"]}))
    with in_this_process(seconds=1e7):
        return ran(graph).job


def _timed(work: object, *, profile: bool) -> tuple[float, int]:
    from django.db import connection

    assert callable(work)
    asked = 0

    def count(execute: object, *args: object) -> object:
        nonlocal asked
        asked += 1
        assert callable(execute)
        return execute(*args)

    profiler = cProfile.Profile()
    start = time.perf_counter()
    with connection.execute_wrapper(count):
        profiler.runcall(work) if profile else work()
    seconds = time.perf_counter() - start
    if profile:
        pstats.Stats(profiler, stream=sys.stderr).sort_stats("tottime").print_stats(25)
    return seconds, asked


def _row(what: str, jobs: int, events: int, seconds: float, queries: int) -> tuple[object, ...]:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    return (
        what,
        jobs,
        events,
        f"{seconds:.2f}",
        f"{events / seconds:,.0f}",
        f"{queries / jobs:.1f}",
        peak >> 20,
    )


if __name__ == "__main__":
    main()
