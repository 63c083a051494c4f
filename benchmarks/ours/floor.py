"""What all our entries stand on: the environment of one case, worker processes of ours, and the moments on record."""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from tests.processes import Leashed

ROOT = Path(__file__).parents[2]
ASK: dict[str, Any] = json.loads(os.environ.get("ASK", "{}"))
SECONDS = 900.0
LOOK = 0.05  # seconds between two looks at the rows
MS = 1000.0
QUIET = ("--without-gossip", "--without-mingle", "--without-heartbeat")


class NotDone(Exception):
    """The jobs of a case did not come to their end; the text says where they stand."""


def say(**figures: float) -> None:
    """Answer with figures; the last line of output counts."""
    print(json.dumps(figures), flush=True)


def ready() -> None:
    """Django, with the agents of the benchmarks. The environment has been made by `benchmarks.stage`."""
    import django

    django.setup()
    from benchmarks.ours import agents  # noqa: F401 - registers them in this process too


@contextmanager
def workers(processes: int, threads: int, folder: Path | None = None) -> Iterator[list[Leashed]]:
    """Worker processes of ours, registered and listening; gone at the end of the block."""
    from jobs.models import Worker

    place = folder or Path(os.environ["AETHERIS_VAR"])
    known = set(Worker.objects.values_list("id", flat=True))
    with ExitStack() as stack:
        made = [_worker(place, number, threads) for number in range(processes)]
        for each in made:
            stack.callback(each.kill)
        give_up = time.monotonic() + 120
        while Worker.objects.exclude(id__in=known).count() < processes:
            dead = [each for each in made if each.returncode is not None]
            if dead or time.monotonic() > give_up:
                raise NotDone(f"a worker did not start:\n{(dead or made)[0].tail()}")
            time.sleep(LOOK)
        yield made


def _worker(folder: Path, number: int, threads: int) -> Leashed:
    name = f"b{os.getpid()}-{number}-{time.monotonic_ns()}"
    command = [
        sys.executable,
        "-m",
        "celery",
        "-A",
        "aetheris_site",
        "worker",
        "-n",
        f"{name}@bench",
        "-c",
        str(threads),
    ]
    return Leashed([*command, "-l", "WARNING", *QUIET], log=folder / f"{name}.log", env=os.environ, cwd=ROOT)


@contextmanager
def held(crew: Iterable[Leashed]) -> Iterator[None]:
    """Worker processes that stand still for less than a lease."""
    for each in crew:
        each.send(signal.SIGSTOP)
    try:
        yield
    finally:
        for each in crew:
            each.send(signal.SIGCONT)


def submitted(agent: str, goal: dict[str, Any]) -> str:
    """A new job."""
    from jobs import submit

    return str(submit(agent, goal))


def wait_for(jobs: Sequence[str], seconds: float = SECONDS) -> None:
    """Wait until all of them have ended as they should.

    Raises:
        NotDone: one has failed, or the time is over.
    """
    from jobs.models import Job

    give_up = time.monotonic() + seconds
    while (left := Job.objects.filter(id__in=jobs).exclude(status="completed").count()) > 0:
        failed = Job.objects.filter(id__in=jobs, status__in=("failed", "cancelled")).first()
        if failed is not None or time.monotonic() > give_up:
            raise NotDone(f"{left} of {len(jobs)} jobs are not completed; one says {failed and failed.error}")
        time.sleep(LOOK if len(jobs) == 1 else 4 * LOOK)  # a look at many takes what a step takes


def moments(jobs: Iterable[str], kind: str) -> list[datetime]:
    """When events of a kind were written, in their order."""
    from jobs.core.moments import parse
    from jobs.models import Event

    rows = Event.objects.filter(job_id__in=list(jobs), type=kind).order_by("job_id", "seq")
    return [parse(at) for at in rows.values_list("at", flat=True)]


def spent(jobs: Sequence[str], since: str = "node_started") -> float:
    """Seconds from the first event of a kind to the last end, as the jobs' own records tell."""
    return (max(moments(jobs, "job_completed")) - min(moments(jobs, since))).total_seconds()


def quantile(values: Sequence[float], share: float) -> float:
    """The value below which that share of them lies; the nearest one that was measured."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]
