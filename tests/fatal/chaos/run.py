"""One run, from the first process to the verdict. Django is set up before this module is read."""

from __future__ import annotations

import json
import sqlite3
import time
from pathlib import Path

import psycopg
from celery import current_app
from django.db import close_old_connections

from jobs import tokens
from tests.faces.admin_stage import OPERATOR
from tests.faces.admin_stage import person as user
from tests.fatal import audit, audit_kept
from tests.fatal.audit import Row, query
from tests.fatal.chaos import facts
from tests.fatal.chaos.doors import Http
from tests.fatal.chaos.faults import Faults
from tests.fatal.chaos.health import Health, complaints
from tests.fatal.chaos.options import Options
from tests.fatal.chaos.players import Players
from tests.fatal.chaos.record import Record
from tests.fatal.chaos.report import Told
from tests.fatal.chaos.resolver import Resolver
from tests.fatal.chaos.schedule import draw
from tests.fatal.chaos.stack import Stack

LOOK = 0.05
PEEK = 4.0  # seconds between two looks of the auditor
SETTLE = 400.0  # seconds that a system without faults gets for what the faults left behind
ENDED = ("completed", "failed", "cancelled")


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
        self._seen: set[str] = set()
        somebody = user(*OPERATOR, group="finance")
        http = Http(stack.port, tokens.create(somebody, tenant="default").text, str(somebody.pk))
        self.players = Players(stack.database, self.schedule.orders, http, self.record, options.seed)
        self.resolver = Resolver(stack.database, stack.effects, self.record, options.seed)

    def play(self) -> Told:
        """Submit, break, settle, audit; gives what there is to tell."""
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
        settled = round(time.monotonic() - began, 1)
        self.players.stop()
        return {**self._told(faults, ended, stuck), "settled_after": settled}

    def _told(self, faults: Faults, ended: dict[str, int], stuck: list[str]) -> Told:
        books, counts = audit.read(self.stack.database), self.stack.counts()
        record = self.record.to_json()
        (self.folder / "record.json").write_text(json.dumps(record, indent=1))
        by_itself = [
            f"{name} ended by itself while nothing was broken"
            for name, times in self.stack.ended.items()
            if times > ended.get(name, 0)
        ]
        kept = [*audit.findings(books, counts), *audit_kept.promises(books, record)]
        return {
            **facts.of_books(books, counts),
            "seed": self.options.seed,
            "database": self.options.database,
            "seconds": self.options.seconds,
            "faults": {
                "groups": facts.of_faults(faults.done),
                "done": dict(faults.done),
                "missed": faults.missed,
            },
            "ended_by_themselves": ended,
            "answers": record["words"],
            "peeks": record["words"].get("peek done", 0),
            "health": self.health.to_json(),
            "complaints": complaints(self.stack.logs()),
            "violations": [*sorted(self._seen), *stuck, *record["broken"], *by_itself, *kept],
        }

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
        self._seen.update(f"in the middle of the run: {each}" for each in found)

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
