"""Real worker processes on the test's database, over a broker in files or Valkey; killed when the test ends."""

from __future__ import annotations

import os
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from celery import Celery

from jobs import knocks
from jobs.celery_defaults import configure
from jobs.models import Event, Job, Worker
from tests.agents.world import JOURNAL
from tests.brokers.workers import until
from tests.processes import Leashed

ROOT = Path(__file__).parents[2]
CELERY = [sys.executable, "-m", "celery", "-A", "aetheris_site", "worker", "-l", "INFO"]
ALONE = ["--without-gossip", "--without-mingle", "--without-heartbeat"]


class Crew:
    """Workers of one database and one broker, and what they write."""

    def __init__(self, database: str, folder: Path, broker: str) -> None:
        self.folder = folder
        self.started: list[Leashed] = []
        self.journal = folder / "world"
        self.journal.touch()
        self.app = Celery("sender", broker=broker, set_as_current=False)
        configure(self.app)
        self.env = {key: value for key, value in os.environ.items() if not key.startswith("AETHERIS_")} | {
            "PYTHONPATH": str(ROOT), "AETHERIS_DATABASE_URL": database, "AETHERIS_BROKER_URL": broker,
            "AETHERIS_VAR": str(folder / "var"), "AETHERIS_AGENTS": "tests.agents", JOURNAL: str(self.journal),
            "DJANGO_SETTINGS_MODULE": "aetheris_site.settings",
        }  # fmt: skip

    def send(self, task: str, args: tuple[str, ...], queue: str) -> None:
        """Publish a knock, as a worker would."""
        self.app.send_task(task, args=args, queue=queue, ignore_result=True)

    def worker(self, name: str, *options: str, **environment: str) -> Leashed:
        """Start a worker, without waiting for it."""
        args = [*CELERY, *ALONE, "-n", f"{name}@toy", *options]
        made = Leashed(args, log=self.folder / f"{name}.log", env=self.env | environment, cwd=self.folder)
        self.started.append(made)
        return made

    def lines(self, word: str) -> list[list[str]]:
        """Of each call of the word: process and thread."""
        rows = [line.split() for line in self.journal.read_text().splitlines()]
        return [row[1:] for row in rows if row[:1] == [word]]


@contextmanager
def crew(database: str, folder: Path, broker: str = "") -> Iterator[Crew]:
    """A place for workers; the verbs of this process knock at them meanwhile."""
    made = Crew(database, folder, broker or f"aetheris+files://{folder / 'broker'}")
    usual = knocks._publish
    knocks._publish = made.send
    try:
        yield made
    finally:
        knocks._publish = usual
        made.app.close()


@contextmanager
def kept(made: Crew) -> Iterator[None]:
    """End whatever workers were started in the block."""
    try:
        yield
    finally:
        for worker in made.started:
            worker.kill()


@contextmanager
def working(
    made: Crew, *names: str, options: tuple[str, ...] = ("-P", "threads", "-c", "4")
) -> Iterator[list[Leashed]]:
    """Workers that have registered."""
    with ExitStack() as stack:
        before = alive()
        found = []
        for name in names:
            found.append(made.worker(name, *options))
            stack.callback(found[-1].kill)
        until(lambda: alive() >= before + len(names), *found)
        yield found
    broken = [worker.tail(60) for worker in found if "Traceback" in worker.log.read_text()]
    assert not broken, "\n".join(broken)


def alive() -> int:
    """How many workers live."""
    return Worker.objects.filter(dead=False).count()


def ends(job: Any, *workers: Leashed, status: str = "completed", seconds: float = 40) -> Job:
    """Wait until the job has that status.

    Raises:
        AssertionError: it does not; with what the workers printed.
    """
    until(lambda: Job.objects.filter(id=job, status=status).exists(), *workers, seconds=seconds)
    return Job.objects.get(id=job)


def claims(job: Any) -> Counter[str]:
    """How many steps of the job each worker has claimed."""
    from jobs.bodies import parsed

    bodies = parsed(
        list(Event.objects.filter(job_id=job, type="node_started").values_list("body", flat=True)), "default"
    )
    return Counter(body["worker"] for body in bodies)
