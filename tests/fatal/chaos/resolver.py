"""The person who settles unknown outcomes by looking at the service's book, and says so."""

from __future__ import annotations

import http.client
import json
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import close_old_connections, connection

from jobs import resolve
from tests.fatal.audit import Row, query, text
from tests.fatal.chaos import moods
from tests.fatal.chaos.doors import BOB
from tests.fatal.chaos.record import Record
from tests.fatal.effects import Effects

PATIENCE = timedelta(seconds=6)  # after a call's deadline: longer than any client still waits to send
GIVEN_UP = 15  # of a hundred effects that are not in the book are closed without an answer


class Resolver:
    """Looks at the inbox of unresolved effects and answers what the book can answer."""

    def __init__(self, database: str, effects: Effects, record: Record, seed: int) -> None:
        self.database, self.effects, self.record, self.seed = database, effects, record, seed

    def turn(self) -> None:
        """Answer everything that can be answered now."""
        unknown = query(self.database, "SELECT * FROM aetheris_ledger_invocation WHERE state = 'unknown'")
        for line in unknown:
            if line["probe"] and self._is_asked_again(line):
                continue  # nobody needs to look while the runtime itself still asks
            try:
                known = self.effects.under(line["idempotency_key"])
            except (OSError, http.client.HTTPException) as temper:
                self.record.said("book", type(temper).__name__)
                continue
            self._answer(line, known)

    def _is_asked_again(self, line: Row) -> bool:
        """Whether the last word about the call names a time for the next probe."""
        job = text(line["job_id"])
        key = job.replace("-", "") if self.database.startswith("sqlite") else job
        told = query(
            self.database,
            f"SELECT body FROM aetheris_jobs_event WHERE job_id = '{key}' AND node = '{line['node']}' "  # noqa: S608
            "AND type = 'outcome_unknown' ORDER BY seq DESC LIMIT 1",
        )
        return bool(told) and json.loads(told[0]["body"]).get("wake_at") is not None

    def _answer(self, line: Row, known: dict[str, Any]) -> None:
        if "refunds" not in known:
            return  # the service is in a temper
        if known["refunds"]:
            self._say(line, "landed", known["refunds"][0], f"the book has {known['refunds'][0]['id']}")
        elif known["in_flight"] or _moment(line["deadline"]) + PATIENCE > datetime.now(UTC):
            return  # it may still come
        elif moods.draw(self.seed, "given up", json.loads(line["args"]).get("order", "")) < GIVEN_UP:
            self._say(line, "fail", None, "nobody wants to know")
        else:
            self._say(line, "absent", None, "it is not in the book, and its deadline is long over")

    def _say(self, line: Row, verdict: str, result: Any, why: str) -> None:
        close_old_connections()
        try:
            resolve(text(line["id"]), verdict, actor=BOB, result=result, comment=why)
        except Exception as error:  # somebody knew first, or the database is away: the next turn sees
            self.record.said("resolve", type(error).__name__)
            connection.close()
            return
        self.record.said("resolve", verdict)
        self.record.resolved[text(line["id"])] = verdict


def _moment(value: Any) -> datetime:
    """A time as either database tells it."""
    told = value if isinstance(value, datetime) else datetime.fromisoformat(str(value))
    return told if told.tzinfo else told.replace(tzinfo=UTC)
