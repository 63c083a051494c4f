"""`python -m tests.fatal.chaos --seed N --seconds S`: break a real stack while it works, then audit every job."""

from __future__ import annotations

import json
import logging
import shutil
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from tests.fatal.chaos import schedule
from tests.fatal.chaos.options import Options, parse


def main(arguments: Sequence[str]) -> int:
    """Run.

    Returns:
        0 if every promise was kept, else 1.
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
    code = _in(folder, options)
    if code == 0 and options.keep is None:
        shutil.rmtree(folder, ignore_errors=True)
    else:
        print(f"chaos: logs and database are left in {folder}")
    return code


def _in(folder: Path, options: Options) -> int:
    logging.basicConfig(filename=folder / "players.log", level=logging.INFO)
    from tests.fatal.chaos.stack import Stack

    stack = Stack(options, folder)
    try:
        stack.start()
        return _played(options, stack, folder)
    finally:
        stack.close()


def _played(options: Options, stack: object, folder: Path) -> int:
    import django

    django.setup()
    from tests.fatal.chaos import run

    result = run.Run(options, stack, folder).play()  # type: ignore[arg-type]
    print(json.dumps(result.facts, indent=1))
    for each in result.violations:
        print("VIOLATION:", each)
    return 1 if result.violations else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
