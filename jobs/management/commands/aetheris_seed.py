"""`aetheris_seed`: much data to measure with. Its jobs have whole histories and valid chains, but nobody ran them."""

from __future__ import annotations

import time
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import connection

from jobs.models import Job
from jobs.seeding import Refusal, seed
from jobs.seeding.stories import ASKER

WARNING = (
    "Events cannot be removed: seed only a database that you will drop. It is {name}.\n"
    "Type the name of the database to go on: "
)


class Command(BaseCommand):
    """Refuses a database that holds jobs which were not seeded, and asks before it writes."""

    help = "Fills a database that is made for measuring with jobs and events."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """How much, for whom, and which dice."""
        parser.add_argument("--jobs", type=int, default=1_000, help="how many jobs")
        parser.add_argument("--events", type=int, default=10_000, help="how many events in all, about")
        parser.add_argument("--tenant", default="seed", help="whose; must have no job yet")
        parser.add_argument("--seed", type=int, default=1, help="the same number gives the same jobs")
        parser.add_argument("--yes", action="store_true", help="do not ask")

    def handle(self, *args: Any, **told: Any) -> None:
        """Look, ask, write, and tell how fast it was.

        Raises:
            CommandError: the database is none to be seeded, nobody agreed, or the numbers do not fit (2).
        """
        self._refuse_what_is_used()
        if not told["yes"]:
            self._ask()
        begin = time.monotonic()
        try:
            report = seed(told["jobs"], told["events"], told["tenant"], told["seed"], self._said)
        except Refusal as refusal:
            raise CommandError(str(refusal), returncode=2) from refusal
        spent = max(time.monotonic() - begin, 0.001)
        self.stdout.write(
            f"{report.jobs:,} jobs with {report.events:,} events in {spent:.0f} s ({report.events / spent:,.0f} events/s)"
        )

    def _said(self, done: int) -> None:
        if done % 10_000 == 0:
            self.stdout.write(f"{done:,} jobs")

    def _refuse_what_is_used(self) -> None:
        own = Job.objects.exclude(requester=ASKER).order_by().values_list("id", "tenant").first()
        if own is not None:
            raise CommandError(
                f"this database is in use: job {own[0]} of tenant {own[1]} was not seeded. Create an empty database, "
                "migrate it, and name it in AETHERIS_DATABASE_URL",
                returncode=2,
            )

    def _ask(self) -> None:
        name = str(connection.settings_dict["NAME"])
        try:
            answer = input(WARNING.format(name=name))
        except EOFError:
            answer = ""
        if answer.strip() != name:
            raise CommandError("nothing was written; --yes does it without asking", returncode=2)
