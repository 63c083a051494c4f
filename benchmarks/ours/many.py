"""Many at a time: branches of one job on several workers, waits of models on one loop, a take-over after SIGKILL."""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime

import psutil
from django.db import connection

from benchmarks.ours import floor
from benchmarks.ours.floor import ASK
from tests.processes import Leashed

LOOK = 0.05


def main() -> None:
    """Run the case that was asked for."""
    floor.ready()
    {"fan": _fan, "waits": _waits, "takeover": _takeover}[ASK["case"]]()


def _fan() -> None:
    """`branches` branches that each wait in the pool, on `processes` workers: wall time, and how far from ideal."""
    goal = {"kind": "pool", "steps": ASK["branches"], "seconds": ASK["seconds"]}
    with floor.workers(ASK["processes"], ASK["threads"]):
        floor.wait_for([floor.submitted("bench-chain", {"kind": "pure", "steps": 1})])
        job = floor.submitted("bench-fan", goal)
        floor.wait_for([job])
    wall = floor.spent([job], since="job_created")
    ideal = ASK["branches"] * ASK["seconds"] / (ASK["processes"] * ASK["threads"])
    floor.say(seconds=wall, per_s=ASK["branches"] / wall, over_ideal=wall / ideal)


def _waits() -> None:
    """`waits` waits at once on the event loop of one worker: wall time, memory, and connections to the database."""
    goal = {"kind": "loop", "steps": ASK["waits"], "seconds": ASK["seconds"]}
    with floor.workers(1, 8) as (worker,):
        floor.wait_for([floor.submitted("bench-chain", {"kind": "pure", "steps": 1})])
        watch = Watch(worker)
        job = floor.submitted("bench-fan", goal)
        floor.wait_for([job])
        watch.stop()
    wall = floor.spent([job], since="job_created")
    floor.say(seconds=wall, mib=watch.grown / 2**20, connections=watch.connections, threads=watch.threads)


class Watch:
    """Looks at a worker while it works: the most memory it took beyond what it had, connections, threads."""

    def __init__(self, worker: Leashed) -> None:
        self._process = psutil.Process(worker.pid)
        self._before = self._process.memory_info().rss
        self.grown = self.connections = self.threads = 0
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """No more looks."""
        self._over.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._over.wait(LOOK):
            self.grown = max(self.grown, self._process.memory_info().rss - self._before)
            self.threads = max(self.threads, self._process.num_threads())
            self.connections = max(
                self.connections, _connections() - 2
            )  # this thread's and this process's own
        connection.close()


def _connections() -> int:
    if connection.vendor != "postgresql":
        return 0
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()")
        return int(cursor.fetchone()[0])


def _takeover() -> None:
    """A worker is killed while its step waits; another one is there: seconds until it has begun the step anew."""
    from jobs.models import Event

    goal = {"kind": "pool", "steps": 1, "seconds": 3600}
    with floor.workers(1, 1) as (first,):
        job = floor.submitted("bench-fan", goal)
        while not Event.objects.filter(job_id=job, type="node_started", node="b0").exists():
            time.sleep(LOOK)
        with floor.workers(1, 1):
            killed = datetime.now(UTC)
            first.kill()
            while Event.objects.filter(job_id=job, type="node_started", node="b0").count() < 2:
                time.sleep(LOOK)
            begun = floor.moments([job], "node_started")[-1]
    floor.say(seconds=(begun - killed).total_seconds())


if __name__ == "__main__":
    main()
