"""How long an outage of the tests lasts, and a stage on servers of its own."""

from __future__ import annotations

import json
import os
import time

from tests.fatal.stage import Stage

SECONDS = float(os.environ.get("AETHERIS_TEST_OUTAGE_SECONDS", "10"))
TTL = SECONDS / 3.3  # so that every lease passes three times over while nobody can renew it


def migrated(stage: Stage) -> None:
    """Make the tables of a stage whose database this process is not connected to."""
    migration = stage.start("django", ["migrate", "--verbosity", "0"])
    stage.until(lambda: not migration.alive, "the migrations", ticking=False)


def submitted(stage: Stage, form: str) -> str:
    """A job, submitted by another process."""
    return said(stage, "tests.fatal.submitting", "job ", f"fatal-{form}", json.dumps({"tool": "fatal.pay"}))


def a_token(stage: Stage) -> str:
    """Somebody's token, made by another process."""
    return said(stage, "tests.fatal.inviting", "token ")


def said(stage: Stage, module: str, word: str, *args: str) -> str:
    """What a process says after a word, once it has ended."""
    process = stage.start(module, list(args))
    stage.until(lambda: not process.alive, module, ticking=False)
    return process.said.split(word)[1].split()[0]


class Outage:
    """The time of an outage, which began now."""

    def __init__(self) -> None:
        self._ends = time.monotonic() + SECONDS

    @property
    def over(self) -> bool:
        """Whether it has lasted long enough."""
        return time.monotonic() > self._ends

    def sit_out(self) -> None:
        """Let the rest of it pass."""
        time.sleep(max(0.0, self._ends - time.monotonic()))
