"""Very many parked jobs: what each costs, and what they cost the others."""

from __future__ import annotations

import time

from django.db import connection

from benchmarks.ours import floor
from benchmarks.ours.floor import ASK, MS

TABLES = ("aetheris_jobs_job", "aetheris_jobs_event", "aetheris_jobs_step")
OWN = {"id": "ids.id", "origin": "ids.id", "job_id": "ids.id"}  # what a copy has of its own


def main() -> None:
    """A fresh job before and after; between them the crowd."""
    floor.ready()
    with floor.workers(1, 2):
        pattern = floor.submitted("bench-signals", {"steps": 1})
        _until_parked(pattern)
        before = _fresh()
        size = _bytes()
        ids = _crowd(pattern, ASK["parked"])
        grown = _bytes() - size
        after = _fresh()
        woken = _wake(ids)
    floor.say(fresh_after_to_before=after / before, before_ms=before * MS, after_ms=after * MS,
              bytes_each=grown / ASK["parked"], sweep_ms=_sweep() * MS, wake_ms=woken * MS)  # fmt: skip


def _fresh() -> float:
    """Seconds a step of a fresh job; the middle one of three."""
    return floor.quantile([_one_fresh() for _ in range(3)], 0.5)


def _one_fresh() -> float:
    job = floor.submitted("bench-chain", {"kind": "act", "steps": ASK["steps"]})
    floor.wait_for([job])
    return floor.spent([job], since="job_created") / ASK["steps"]


def _until_parked(job: str) -> None:
    from jobs.models import Job

    while Job.objects.values_list("status", flat=True).get(id=job) != "parked":
        time.sleep(floor.LOOK)


def _crowd(pattern: str, number: int) -> list[str]:
    """Copies of a parked job, made by the database itself; gives the ids of some."""
    with connection.cursor() as cursor:
        cursor.execute(
            "CREATE TEMP TABLE ids AS SELECT gen_random_uuid() AS id FROM generate_series(1, %s)", [number]
        )
        for table in TABLES:
            key = "id" if table.endswith("_job") else "job_id"
            columns = [name for name in _columns(table) if name != "id" or key == "id"]
            chosen = ", ".join(OWN.get(name, f'old."{name}"') for name in columns)
            listed = ", ".join(f'"{name}"' for name in columns)
            cursor.execute(
                f"INSERT INTO {table} ({listed}) SELECT {chosen} FROM {table} old, ids WHERE old.{key} = %s",
                [pattern],
            )
        for table in TABLES:
            cursor.execute(f"VACUUM ANALYZE {table}")
        cursor.execute("CHECKPOINT")  # they came all at once: else the disk would still be busy with them
        cursor.execute("SELECT id FROM ids LIMIT 20")
        return [str(row[0]) for row in cursor.fetchall()]


def _columns(table: str) -> list[str]:
    with connection.cursor() as cursor:
        return [each.name for each in connection.introspection.get_table_description(cursor, table)]


def _bytes() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT " + " + ".join(f"pg_total_relation_size('{table}')" for table in TABLES))
        return int(cursor.fetchone()[0])


def _wake(ids: list[str]) -> float:
    """From a signal to the end of its job; the middle one of some."""
    from jobs import signal

    for job in ids:
        signal(job, "go-0")
    floor.wait_for(ids)
    waited = [floor.spent([job], since="signal_received") for job in ids]
    return floor.quantile(waited, 0.5)


def _sweep() -> float:
    """What a tick looks for: steps of dead workers, and what is due."""
    from jobs import clock, scheduler

    start = time.perf_counter()
    scheduler.release_dead(clock.database_now())
    scheduler.fire_due(clock.database_now())
    return time.perf_counter() - start


if __name__ == "__main__":
    main()
