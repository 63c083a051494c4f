"""Calls that hang hold threads, not the database: no session, no transaction."""

from __future__ import annotations

import os
from typing import Any

import pytest

from tests.fatal.audit import Row, query
from tests.fatal.stage import Stage
from tests.servers import TEST_DATABASE_URL

pytestmark = [
    pytest.mark.fatal,
    pytest.mark.skipif(TEST_DATABASE_URL not in os.environ, reason="SQLite has no sessions to count"),
]
SLOTS = 12
OWN = 1 + 8  # the control thread's session, and those of the event loop's database threads


class Sessions:
    """The sessions that a worker has at the server."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        address = f"{stage.database}{'&' if '?' in stage.database else '?'}application_name=watched"
        self.environment: dict[str, Any] = {"AETHERIS_DATABASE_URL": address}

    def now(self) -> list[Row]:
        """One row each."""
        asked = "SELECT state, query FROM pg_stat_activity WHERE application_name = 'watched'"
        return query(self._stage.database, asked)

    def let_go(self, idle: int) -> None:
        """Wait until no more are left than the worker needs however many calls hang, and its idle slots keep."""
        seen = "the sessions of hanging calls to be given back"
        self._stage.until(lambda: len(self.now()) <= OWN + idle, seen, ticking=False, seconds=30)
        for _ in range(20):
            assert [row for row in self.now() if row["state"].startswith("idle in transaction")] == []


def test_a_worker_that_does_nothing_has_the_session_of_its_control_thread(stage: Stage) -> None:
    sessions = Sessions(stage)
    stage.worker(slots=SLOTS, **sessions.environment)
    stage.until(
        lambda: len(sessions.now()) == 1, "the session of registering to be given back", ticking=False
    )


def test_hanging_calls_of_every_kind_hold_no_session_and_no_transaction(stage: Stage) -> None:
    stage.effects.behave("hang")
    sessions = Sessions(stage)
    stage.worker(slots=SLOTS, **sessions.environment)
    forms = ["graph", "graph", "abreast", "def"]  # four slots, eleven calls; the loop takes the others
    jobs = [stage.submit(form, "fatal.pay") for form in forms]
    jobs += [stage.submit(form, "fatal.pay_async") for form in ("async", "graph") * 10]
    stage.until_hanging(11 + 20)
    sessions.let_go(idle=SLOTS - len(forms))
    stage.effects.behave("normal")
    stage.effects.release()
    for job in jobs:
        stage.until_status(job, "completed", "failed")
        assert set(stage.counts(job)) == {1}


def test_hanging_probes_hold_no_session_and_no_transaction(stage: Stage) -> None:
    stage.effects.behave("hang")
    first = stage.worker(slots=SLOTS)
    jobs = [stage.submit("graph", "fatal.pay_probed") for _ in range(SLOTS)]
    stage.until_hanging(SLOTS)
    first.kill()  # nobody knows of any call whether it has landed
    stage.effects.behave("normal")
    stage.effects.release()
    stage.effects.behave("hang", on="probe")
    sessions = Sessions(stage)
    stage.worker(slots=SLOTS, **sessions.environment)
    stage.until(lambda: stage.effects.hanging > SLOTS // 2, "hanging probes")
    seen = "the sessions of hanging probes to be given back"  # but the control thread's, and one on its way
    stage.until(lambda: len(sessions.now()) <= 2 + SLOTS - stage.effects.hanging, seen, ticking=False)
    stage.effects.behave("normal", on="probe")
    stage.effects.release()
    for job in jobs:
        stage.until_status(job, "completed", "failed")
        assert stage.counts(job) == [1]
