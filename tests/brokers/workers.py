"""Worker processes of the toy app, their journal, and how a test waits for either."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from celery import Celery

from jobs.celery_defaults import configure
from tests.brokers import toy
from tests.processes import Leashed

ROOT = Path(__file__).parents[2]


class Site:
    """A broker's address, a journal, and the workers that use both."""

    def __init__(self, broker: str, folder: Path, module: str = "tests.brokers.toy") -> None:
        self.broker, self.folder, self.module = broker, folder, module
        self.journal = folder / "journal"
        self.journal.touch()
        self.app = Celery("sender", broker=broker, set_as_current=False)
        configure(self.app)

    def send(self, task: str, *args: object) -> None:
        """Publish one task."""
        self.app.send_task(f"aetheris.{task}", args)

    def lines(self, what: str) -> list[str]:
        """Of each journal line `<what> <thing> <pid>` the thing, in order."""
        rows = [line.split() for line in self.journal.read_text().splitlines()]
        return [row[1] for row in rows if len(row) == 3 and row[0] == what]

    @contextmanager
    def worker(self, name: str, *options: str) -> Iterator[Leashed]:
        """A worker that is ready for tasks; killed at the end if it still runs."""
        env = {key: value for key, value in os.environ.items() if key != "DJANGO_SETTINGS_MODULE"}
        env |= {"PYTHONPATH": str(ROOT), toy.BROKER: self.broker, toy.JOURNAL: str(self.journal)}
        celery = [
            sys.executable,
            "-m",
            "celery",
            "-A",
            self.module,
            "worker",
            "-n",
            f"{name}@toy",
            "-l",
            "INFO",
        ]
        quiet = ["--without-gossip", "--without-mingle", "--without-heartbeat"]
        log = self.folder / f"{name}.log"
        process = Leashed([*celery, *quiet, *options], log=log, env=env, cwd=self.folder)
        try:
            until(lambda: "ready." in log.read_text() or process.returncode is not None, process)
            yield process
        finally:
            process.kill()


def until(holds: Callable[[], bool], *workers: Leashed, seconds: float = 30) -> None:
    """Wait for a condition.

    Raises:
        AssertionError: a worker has ended instead, or the time is over; with what the workers printed.
    """
    give_up = time.monotonic() + seconds
    while not holds():
        ended = [worker for worker in workers if worker.returncode is not None]
        if ended or time.monotonic() > give_up:
            what = "a worker ended" if ended else f"nothing happened in {seconds} seconds"
            raise AssertionError("\n".join([what, *(worker.tail() for worker in workers)]))
        time.sleep(0.005)
