"""One run, from the first process to the verdict. Django is set up before this module is read."""

from __future__ import annotations

import sqlite3
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
from celery import current_app
from django.db import close_old_connections

from jobs import tokens
from tests.faces.admin_stage import OPERATOR
from tests.faces.admin_stage import person as user
from tests.fatal import audit, audit_kept
from tests.fatal.audit import Row, query
from tests.fatal.chaos.doors import Http
from tests.fatal.chaos.faults import Faults
from tests.fatal.chaos.health import Health, complaints
from tests.fatal.chaos.options import Options
from tests.fatal.chaos.players import Players
from tests.fatal.chaos.record import Record
from tests.fatal.chaos.resolver import Resolver
from tests.fatal.chaos.schedule import draw
from tests.fatal.chaos.stack import Stack

LOOK = 0.05
PEEK = 4.0  # seconds between two looks of the auditor
SETTLE = 240.0  # seconds that a system without faults gets for what the faults left behind
ENDED = ("completed", "failed", "cancelled")


@dataclass
class Result:
    """What a run found."""

    options: Options
    violations: list[str] = field(default_factory=list)
    facts: dict[str, Any] = field(default_factory=dict)


class Run:
    """Stack, players and faults of one seed."""

    def __init__(self, options: Options, stack: Stack, folder: Path) -> None:
        self.options, self.stack, self.folder = options, stack, folder
        self.record = Record()
        self.schedule = draw(
            options.seed, seconds=options.seconds, jobs=options.jobs, database=options.database
        )
        self.health = Health(stack)
        self._sampled = self._peeked = 0.0
        self._seen: list[str] = []
        somebody = user(*OPERATOR, group="finance")
        http = Http(stack.port, tokens.create(somebody, tenant="default").text, str(somebody.pk))
        self.players = Players(stack.database, self.schedule.orders, http, self.record, options.seed)
        self.resolver = Resolver(stack.database, stack.effects, self.record, options.seed)

    def play(self) -> Result:
        """Submit, break, settle, audit."""
        faults = Faults(self.stack, self.schedule.faults, self._knock, self.options.seed)
        self.players.start()
        while time.monotonic() - faults.began < self.options.seconds:
            faults.turn()
            self._sample()
            self._peek()
            time.sleep(LOOK)
        faults.put_right()
        ended = dict(self.stack.ended)
        self.stack.dismiss()
        self.stack.fresh("fresh")
        began = time.monotonic()
        stuck = self._settle(began)
        settled = time.monotonic() - began
        self.players.stop()
        violations = [*self._seen, *stuck, *self.record.broken, *self._audited()]
        violations += [f"part {name} ended by itself while nothing was broken" for name in self.stack.ended
                       if self.stack.ended[name] > ended.get(name, 0)]  # fmt: skip
        facts = {
            "faults": {"done": dict(faults.done), "missed": faults.missed},
            "ended_by_themselves": ended,
            "settled_after": round(settled, 1),
            "record": self.record.to_json(),
            "health": self.health.to_json(),
            "complaints": complaints(self.stack.logs()),
        }
        return Result(self.options, violations, facts)

    def _audited(self) -> list[str]:
        books = audit.read(self.stack.database)
        self.books = books
        found = audit.findings(books, self.stack.effects.counts())
        return [*found, *audit_kept.promises(books, self.record.to_json())]

    def _peek(self) -> None:
        """Rows and events agree at every moment, also in the middle of all this."""
        if time.monotonic() - self._peeked < PEEK:
            return
        try:
            found = audit.rows_of(audit.read(self.stack.database))
        except (psycopg.Error, sqlite3.Error) as away:
            self.record.said("peek", type(away).__name__)
            return
        self._peeked = time.monotonic()
        self.record.said("peek", "done")
        self._seen += [f"in the middle of the run: {each}" for each in found]

    def _settle(self, began: float) -> list[str]:
        """Wait until nothing is left to be done; what is left after all that time is a violation."""
        while time.monotonic() - began < SETTLE:
            self.stack.look_after()
            self._sample()
            close_old_connections()
            self.resolver.turn()
            if self.players.through and not self._open() and not self._owed():
                return []
            time.sleep(LOOK * 4)
        left = [
            f"job {row['id']} ({row['agent']}) is still {row['status']}, parked on {row['parked_on']}"
            for row in self._open()
        ]
        return left + [
            f"delivery {row['id']} ({row['command']}) is still owed: {row['error']}" for row in self._owed()
        ]

    def _open(self) -> list[Row]:
        words = ", ".join(f"'{word}'" for word in ENDED)
        return query(self.stack.database, f"SELECT * FROM aetheris_jobs_job WHERE status NOT IN ({words})")  # noqa: S608

    def _owed(self) -> list[Row]:
        return query(self.stack.database, "SELECT * FROM aetheris_jobs_delivery")

    def _sample(self) -> None:
        if time.monotonic() - self._sampled > 1:
            self._sampled = time.monotonic()
            self.health.sample()

    def _knock(self, job: str, node: str) -> None:
        current_app.send_task("aetheris.step", args=(job, node), queue="aetheris")
