"""`make crashlab`: kill each runtime between an effect and its record, resume it, count the effects.

    python -m benchmarks.crashlab                 our rows
    python -m benchmarks.crashlab --peers PYTHON  the peers' too; PYTHON has crashlab/peers/requirements.txt installed

Prints one JSON line per row. Exit code 1 if one of our rows has another number of effects than one, or calls a job
failed whose effect has happened.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path

from benchmarks.crashlab import ours, theirs
from tests.servers import Postgres, Valkey

AFTER = {
    "with a probe": ("completed",),
    "without a probe": ("parked on unknown_outcome",),
    "the same, a person has looked": ("completed",),
}


def main() -> int:
    """Run the laboratory."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.crashlab", description=__doc__.split("\n", 1)[0]
    )
    parser.add_argument("--peers", metavar="PYTHON", help="an interpreter that has the peers installed")
    asked = parser.parse_args()
    wrong = 0
    with tempfile.TemporaryDirectory(prefix="crashlab-") as name, Postgres() as postgres, Valkey() as valkey:
        folder = Path(name)
        for row in ours.rows(folder, database=postgres.url, broker=valkey.url):
            print(json.dumps(row), flush=True)
            wrong += row["effects"] != 1 or row["state"] not in AFTER[row["case"]]
        if asked.peers:
            for row in theirs.rows(folder, python=asked.peers, postgres=postgres, valkey=valkey):
                print(json.dumps(row), flush=True)
    return int(wrong > 0)


if __name__ == "__main__":
    sys.exit(main())
