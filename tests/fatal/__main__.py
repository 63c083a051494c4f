"""`python -m tests.fatal`: every test that kills real processes, then chaos; prints what each window came to.

`--seconds N` is how long chaos strikes (300; 0 leaves it out, and so does any choice of tests); all else is passed to
pytest.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from tests.fatal.windows.table import RESULTS, Told, printed, results

CHAOS_SECONDS = 300


def main(arguments: Sequence[str]) -> int:
    """Run both.

    Returns:
        0 only if every test passed, every window was played and kept, and chaos found nothing.
    """
    parser = argparse.ArgumentParser(prog="python -m tests.fatal", description=__doc__)
    parser.add_argument("--seconds", type=float, help="how long chaos strikes")
    options, chosen = parser.parse_known_args(arguments)
    began = time.monotonic()
    code, told = _tests(chosen)
    databases = sorted({database for each in told.values() for database in each}, reverse=True)
    if told:
        table, bad = printed(told, databases, whole=not chosen)
        print(f"\n{table}\n")
        print(f"{len(told)} windows on {' and '.join(databases)}, {bad} violated or not played; "
              f"{time.monotonic() - began:.0f} s")  # fmt: skip
        code = code or int(bad > 0)
    seconds = options.seconds if options.seconds is not None else 0 if chosen else CHAOS_SECONDS
    if seconds:
        chaos = [sys.executable, "-m", "tests.fatal.chaos", "--seconds", f"{seconds:g}"]
        code = subprocess.run(chaos, check=False).returncode or code
    return code


def _tests(chosen: Sequence[str]) -> tuple[int, Told]:
    with tempfile.TemporaryDirectory(prefix="aetheris-fatal-") as folder:
        file = Path(folder, "results.jsonl")
        command = [sys.executable, "-m", "tests", "tests/fatal", *chosen]
        done = subprocess.run(command, env={**os.environ, RESULTS: str(file)}, check=False)
        return done.returncode, results(file)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
