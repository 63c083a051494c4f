"""Carrying out the faults of a schedule, each at its moment, and putting right what they broke."""

from __future__ import annotations

import heapq
import random
import shutil
import signal
import sqlite3
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import closing
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any
from uuid import uuid4

import redis

from tests.fatal.audit import query, writer_stands_aside
from tests.fatal.chaos.schedule import Fault
from tests.fatal.chaos.stack import Part, Stack
from tests.fatal.processes import Running

COPIES = 60  # old knocks that are sent again
QUEUE = "aetheris:aetheris"  # prefix and queue, in Valkey

Deed = Callable[[], None]


class Faults:
    """The one who breaks things."""

    def __init__(
        self, stack: Stack, faults: Sequence[Fault], knock: Callable[[str, str], None], seed: int
    ) -> None:
        self.stack, self.knock = stack, knock
        self.done: Counter[str] = Counter()
        self.missed: list[str] = []  # what could not be done, because its victim was down already
        self.began = time.monotonic()
        self._dice = random.Random(f"copies {seed}")
        self._numbers = count()
        self._due: list[tuple[float, int, str, Deed]] = []
        for fault in faults:
            self._at(fault.at, f"{fault.kind} {fault.victim}", partial(self._strike, fault))

    def turn(self) -> None:
        """Do what is due, then let the supervisor look."""
        while self._due and self._due[0][0] <= time.monotonic() - self.began:
            _, _, what, deed = heapq.heappop(self._due)
            self._try(what, deed)
        self.stack.look_after()

    def put_right(self) -> None:
        """Do at once whatever repairs are still to come: no fault outlives the run's time."""
        while self._due:
            _, _, what, deed = heapq.heappop(self._due)
            if what.startswith("after "):
                self._try(what, deed)

    def _try(self, what: str, deed: Deed) -> None:
        try:
            deed()
        except Exception as error:
            self.missed.append(f"{what}: {type(error).__name__}: {error}"[:200])

    def _at(self, moment: float, what: str, deed: Deed) -> None:
        heapq.heappush(self._due, (moment, next(self._numbers), what, deed))

    def _after(self, fault: Fault, deed: Deed) -> None:
        self._at(time.monotonic() - self.began + fault.seconds, f"after {fault.kind} {fault.victim}", deed)

    def _strike(self, fault: Fault) -> None:
        deed, _, what = fault.kind.partition("_")
        if what in ("worker", "beat", "api"):
            self._at_process(deed, self.stack.part(what, fault.victim), fault)
        else:
            getattr(self, f"_{fault.kind}")(fault)
        self.done[fault.kind] += 1

    # --- processes -----------------------------------------------------------------------------------

    def _at_process(self, deed: str, part: Part, fault: Fault) -> None:
        victim = part.running
        if victim is None or not victim.alive or victim.stopped:
            raise RuntimeError(f"{part.name} is down already")
        if deed == "stop":
            # Never in the middle of a write of SQLite's one writer: everybody would stand still with it.
            with writer_stands_aside(self.stack.database):
                victim.send(signal.SIGSTOP)
            self._after(fault, lambda: victim.send(signal.SIGCONT))
            return
        part.wanted = False
        victim.send(signal.SIGKILL if deed == "kill" else signal.SIGTERM)
        self._after(fault, lambda: self._replace(part, victim))

    def _replace(self, part: Part, victim: Running) -> None:
        """A new one beside the old one, if that still drains; once, also for one that was killed while it drained."""
        if part.running is victim:
            part.running = None
            self.stack.begin(part)

    # --- the broker ----------------------------------------------------------------------------------

    def _empty_broker(self, fault: Fault) -> None:
        if self.stack.valkey is not None:
            self._valkey().flushall()
            return
        for message in self._folder().rglob("queues/*/*"):
            message.unlink(missing_ok=True)

    def _double_broker(self, fault: Fault) -> None:
        """Deliver twice and out of order: copies of what waits, and knocks of long ago, shuffled."""
        if self.stack.valkey is not None:
            waiting: Any = self._valkey().lrange(QUEUE, 0, -1)
            self._dice.shuffle(waiting)
            for message in waiting:
                self._valkey().rpush(QUEUE, message)
        else:
            for message in self._folder().glob("queues/aetheris/*"):
                copy = message.with_name(f"{self._dice.randrange(10**19):020d}-{uuid4().hex}")
                draft = self._folder() / "writing" / uuid4().hex
                draft.write_bytes(message.read_bytes())
                draft.rename(copy)
        said = "SELECT job_id, node FROM aetheris_jobs_event WHERE type = 'node_started' ORDER BY id DESC LIMIT 400"
        old = query(self.stack.database, said)
        for row in self._dice.sample(old, min(COPIES, len(old))):
            self.knock(str(row["job_id"]), row["node"])

    def _kill_broker(self, fault: Fault) -> None:
        server = self.stack.valkey
        assert server is not None
        server.kill()
        self._after(fault, server.start)

    def _restart_broker(self, fault: Fault) -> None:
        server = self.stack.valkey
        assert server is not None
        server.stop()
        server.start()

    def _remove_broker(self, fault: Fault) -> None:
        shutil.rmtree(self._folder(), ignore_errors=True)

    def _valkey(self) -> Any:
        assert self.stack.valkey is not None
        return redis.Redis.from_url(self.stack.valkey.client_url, socket_timeout=5)

    def _folder(self) -> Path:
        return Path(self.stack.broker.removeprefix("aetheris+files://"))

    # --- the database --------------------------------------------------------------------------------

    def _kill_database(self, fault: Fault) -> None:
        server = self.stack.postgres
        assert server is not None
        server.stop(immediately=True)
        self._after(fault, server.start)

    def _restart_database(self, fault: Fault) -> None:
        server = self.stack.postgres
        assert server is not None
        server.stop()
        self._after(fault, server.start)

    def _cut_connections(self, fault: Fault) -> None:
        cut = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND usename = 'aetheris'"
        query(self.stack.database, cut)

    def _lock_database(self, fault: Fault) -> None:
        """Be the one writer of SQLite for a while."""
        file = self.stack.database.removeprefix("sqlite:///")
        threading.Thread(target=_hold, args=(file, fault.seconds), daemon=True).start()


def _hold(file: str, seconds: float) -> None:
    with closing(sqlite3.connect(file, timeout=20, isolation_level=None)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        time.sleep(seconds)
        connection.execute("ROLLBACK")
