"""A toy Celery app for worker processes: its tasks write what they did into a journal."""

from __future__ import annotations

import os
import time
from pathlib import Path

from celery import Celery

from jobs.celery_defaults import configure

BROKER, JOURNAL = "TOY_BROKER", "TOY_JOURNAL"
HOLD_SECONDS = 60

app = Celery("toy", broker=os.environ.get(BROKER))
configure(app)


def write(line: str) -> None:
    """Append one line; the system keeps lines of several processes apart."""
    with Path(os.environ[JOURNAL]).open("a") as journal:
        journal.write(f"{line} {os.getpid()}\n")


@app.task(name="aetheris.note")
def note(number: int) -> None:
    """Say that it began and ended; between the two it takes a moment, so that a kill can meet it."""
    write(f"begin {number}")
    time.sleep(0.005)
    write(f"end {number}")


@app.task(name="aetheris.hold")
def hold(release: str) -> None:
    """Run until a file appears."""
    write("begin hold")
    give_up = time.monotonic() + HOLD_SECONDS
    while not Path(release).exists() and time.monotonic() < give_up:
        time.sleep(0.01)
    write("end hold")
