"""What one may ask of a chaos run."""

from __future__ import annotations

import argparse
import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

JOBS_PER_SECOND = 4


@dataclass(frozen=True)
class Options:
    """The arguments of one run."""

    seed: int
    seconds: float
    jobs: int
    database: str
    keep: Path | None
    json: Path | None
    print_schedule: bool


def parse(arguments: Sequence[str]) -> Options:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.fatal.chaos", description=__doc__)
    parser.add_argument(
        "--seed", type=int, help="decides jobs, moods and faults; drawn and printed if left out"
    )
    parser.add_argument("--seconds", type=float, default=60, help="how long faults strike")
    parser.add_argument("--jobs", type=int, help=f"jobs submitted meanwhile ({JOBS_PER_SECOND} a second)")
    parser.add_argument("--database", choices=["sqlite", "postgres"], default="postgres")
    parser.add_argument(
        "--keep", type=Path, metavar="DIR", help="work in this folder and leave it, whatever comes"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the report there too, as JSON")
    parser.add_argument(
        "--print-schedule", action="store_true", help="show what would be done, and do nothing"
    )
    told = parser.parse_args(arguments)
    if told.keep is not None and told.keep.exists() and any(told.keep.iterdir()):
        parser.error(f"--keep {told.keep}: it is not empty, and a run needs a folder of its own")
    return Options(
        seed=random.SystemRandom().randrange(10**6) if told.seed is None else told.seed,
        seconds=told.seconds,
        jobs=int(told.seconds * JOBS_PER_SECOND) if told.jobs is None else told.jobs,
        database=told.database,
        keep=told.keep,
        json=told.json,
        print_schedule=told.print_schedule,
    )
