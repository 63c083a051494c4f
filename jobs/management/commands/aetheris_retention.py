"""`aetheris_retention`: take away jobs whose time is over, in this process, without HTTP and without a worker; for cron."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from jobs.core.errors import Refused
from jobs.services import retain

SHOWN = 100


class Command(BaseCommand):
    """Do what RETENTION says. Stopped anywhere, and done again, it leads to the same end."""

    help = "Takes away the jobs whose time is over, as RETENTION says."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Whose, how many, and whether only to look."""
        parser.add_argument("--dry-run", action="store_true", help="only say what would go, and what is kept")
        parser.add_argument("--tenant", help="whose jobs; every tenant's unless told")
        parser.add_argument("--most", type=int, default=10_000, help="how many jobs at most")
        parser.add_argument(
            "--after", default="", help="go on behind the place that an earlier run has printed"
        )
        parser.add_argument("--json", action="store_true", help="print one JSON document")

    def handle(self, *args: Any, **told: Any) -> None:
        """Look, take away, and tell.

        Raises:
            CommandError: `--after` is no such place (2).
        """
        try:
            report = retain(
                told["tenant"], dry_run=told["dry_run"], seconds=None, most=told["most"], after=told["after"]
            )
        except Refused as refusal:
            raise CommandError(refusal.message, returncode=2) from refusal
        if told["json"]:
            self.stdout.write(json.dumps(report.to_json(), indent=2))
            return
        for each in report.due[:SHOWN]:
            kept = each["refused"]
            self.stdout.write(
                f"{each['job']}  {each['then']}  " + (f"kept: {kept['message']}" if kept else each["policy"])
            )
        would = "; nothing was touched, this was a dry run" if report.dry_run else ""
        on = f"; more is due: --after {report.next}" if report.more else ""
        self.stdout.write(
            f"{len(report.due):,} jobs are due: {report.pruned:,} pruned, {report.erased:,} erased, "
            f"{report.refused:,} kept{would}{on}"
        )
