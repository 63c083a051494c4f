"""`python -m benchmarks.log`: what the transparency log costs: leaves a second, against the bare insert of the same rows;
proofs and verification by the size of the log.

Heads are made up, in a database of its own: SQLite in a folder that is removed, or the empty Postgres that
AETHERIS_BENCH_DATABASE_URL names. Rates are of this run on this machine: compare them with each other, not with another
day's.
"""

from __future__ import annotations

import argparse
import os
import secrets
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

COLUMNS = (
    "leaves",
    "append/s",
    "bare insert/s",
    "ratio",
    "checkpoint ms",
    "inclusion ms",
    "consistency ms",
    "verify/s",
)
PROOFS = 50


def main() -> None:
    """Grow a log, measure at each size, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--leaves", type=int, nargs="+", default=[1_000, 10_000, 100_000], help="sizes of the log"
    )
    parser.add_argument("--jobs", type=int, default=2_000, help="jobs that moved within one minute")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="aetheris-log-") as name:
        _ready(Path(name))
        table: list[tuple[object, ...]] = [COLUMNS]
        size = 0
        for wanted in sorted(given.leaves):
            table.append(_at(size, wanted))
            size = wanted
        minute = _minute(given.jobs)
    for row in table:
        print("  ".join(str(cell).rjust(14) for cell in row))
    print(minute)


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


def _at(size: int, wanted: int) -> tuple[object, ...]:
    from forensics import log
    from forensics.log.leaves import Told

    heads = [("default", Told(str(uuid4()), "", 1, secrets.token_hex(32))) for _ in range(wanted - size)]
    appended = (wanted - size) / _timed(lambda: log.add(heads))
    bare = (wanted - size) / _bare(heads)
    signed = _timed(log.checkpoint)
    tree = log.tree
    inclusion = (
        _timed(lambda: [tree().inclusion(secrets.randbelow(wanted), wanted) for _ in range(PROOFS)]) / PROOFS
    )
    grown = (
        _timed(lambda: [tree().consistency(1 + secrets.randbelow(wanted), wanted) for _ in range(PROOFS)])
        / PROOFS
    )
    checked = wanted / _timed(_verified)
    return (
        f"{wanted:,}", f"{appended:,.0f}", f"{bare:,.0f}", f"{bare / appended:.1f}", f"{signed * 1e3:.1f}",
        f"{inclusion * 1e3:.1f}", f"{grown * 1e3:.1f}", f"{checked:,.0f}",
    )  # fmt: skip


def _bare(heads: list[Any]) -> float:
    """Seconds of the same leaf rows inserted in the same batches, and nothing else; they are taken back."""
    from django.db import transaction

    from forensics.log.writing import BATCH
    from forensics.models import LogLeaf

    rows = [
        LogLeaf(index=10**12 + number, tenant="floor", job_id=uuid4(), seq=1, text=each.text)
        for number, (_, each) in enumerate(heads)
    ]
    start = time.perf_counter()
    with transaction.atomic():
        for begin in range(0, len(rows), BATCH):
            with transaction.atomic():
                LogLeaf.objects.bulk_create(rows[begin : begin + BATCH])
        spent = time.perf_counter() - start
        transaction.set_rollback(True)
    return spent


def _verified() -> None:
    from forensics import log

    found = log.verify_log()
    assert found.broken is None, found.broken


def _minute(jobs: int) -> str:
    """One run of the task, of real jobs that have all moved since the last one, and one in which nothing has."""
    from benchmarks.clones import copied
    from forensics import log
    from jobs import approve
    from jobs.models import Event
    from jobs.testing import in_this_process, run_until_parked
    from tests.engine.driving import a_word, started
    from tests.factories import person
    from tests.forensics.cast_of_graphs import refund_like

    word = a_word()
    with in_this_process(seconds=1e7):
        job = started(refund_like(word))
        run_until_parked(job)
        approve(job, actor=person("bob"), comment="fine")
        run_until_parked(job)
    log.append_heads()
    copied(job, [word], jobs)
    events = Event.objects.count()
    moved = _timed(log.append_heads)
    again = _timed(log.append_heads)
    return (
        f"one minute: {jobs:,} jobs with {events:,} events moved: {moved:.2f} s ({events / moved:,.0f} events/s, "
        f"{jobs / moved:,.0f} leaves/s); nothing moved since: {again:.2f} s"
    )


def _timed(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


if __name__ == "__main__":
    main()
