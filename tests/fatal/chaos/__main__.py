"""`python -m tests.fatal.chaos --seed N --seconds S`: break a real stack while it works, then audit every job."""

from __future__ import annotations

import json
import logging
import shutil
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import django

from tests.fatal.chaos import report, schedule
from tests.fatal.chaos.options import Options, parse
from tests.fatal.chaos.stack import Stack


def main(arguments: Sequence[str]) -> int:
    """Run.

    Returns:
        0 if every promise was kept, else 1; then logs, database and report are left in a folder that it names.
    """
    options = parse(arguments)
    if options.print_schedule:
        print(
            schedule.draw(options.seed, seconds=options.seconds, jobs=options.jobs, database=options.database)
        )
        return 0
    print(
        f"chaos: seed {options.seed}, {options.seconds:g} s, {options.jobs} jobs, {options.database}",
        flush=True,
    )
    folder = options.keep or Path(tempfile.mkdtemp(prefix="aechaos-"))
    folder.mkdir(parents=True, exist_ok=True)
    kept = _kept(folder, options)
    if kept and options.keep is None:
        shutil.rmtree(folder, ignore_errors=True)
    else:
        print(f"chaos: logs, database and report are left in {folder}")
    return 0 if kept else 1


def _kept(folder: Path, options: Options) -> bool:
    """Run in that folder; whether every promise was kept."""
    logging.basicConfig(filename=folder / "players.log", level=logging.INFO)
    logging.Formatter.converter = time.gmtime
    stack = Stack(options, folder)
    try:
        stack.start()
        told = _played(options, stack, folder)
        if told["violations"]:
            stack.keep_database()
    finally:
        stack.close()
    print(report.table(told))
    for file in filter(None, (folder / "report.json", options.json)):
        file.write_text(json.dumps(told, indent=1))
    return not told["violations"]


def _played(options: Options, stack: Stack, folder: Path) -> report.Told:
    django.setup()
    from tests.fatal.chaos.run import Run  # it needs Django

    return Run(options, stack, folder).play()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
