"""`aetheris_verify`: verify jobs in this process, without HTTP and without a worker; for cron, it ends with 1 on a break."""

from __future__ import annotations

import json
import sys
import time
from argparse import ArgumentParser
from itertools import islice
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError

from forensics import access, inspection, services
from forensics.asking import moment
from forensics.models import Verification
from forensics.models.verifying import AT_WORK
from jobs.conf import conf
from jobs.core.errors import Refused
from jobs.models import Job

SHOWN = 100


class Command(BaseCommand):
    """Look at everything, at the jobs of a scope, or at one job. Repairs nothing."""

    help = "Verifies the records of jobs; ends with 1 if one is broken, naming the first break of each."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Which jobs, whose, and how it is told."""
        parser.add_argument(
            "--all", action="store_true", dest="everything", help="every job, and rows that belong to none"
        )
        parser.add_argument("--job", type=UUID, help="one job")
        for name, words in (("since", "created since: RFC 3339, or so long ago (24h)"), ("until", "created before"),
                            ("agent", "of this agent"), ("status", "of this status")):  # fmt: skip
            parser.add_argument(f"--{name}", help=f"jobs {words}")
        parser.add_argument("--tenant", help="whose; every tenant's unless told")
        parser.add_argument("--json", action="store_true", help="print one JSON document")

    def handle(self, *args: Any, **told: Any) -> None:
        """Verify, print, and end.

        Raises:
            CommandError: something is broken (1), or the question is none (2).
        """
        scope = {name: told[name] for name in ("since", "until", "agent", "status") if told[name]}
        if bool(scope) + told["everything"] + (told["job"] is not None) != 1:
            raise CommandError(
                "say --all, or --job ID, or some of --since, --until, --agent, --status", returncode=2
            )
        try:
            found = self._job(told["job"]) if told["job"] else self._many(scope, told["tenant"])
        except Refused as refusal:
            raise CommandError(refusal.message, returncode=2) from refusal
        if told["json"]:
            self.stdout.write(json.dumps(found, indent=2))
        broken = [each for each in found if not each["ok"]]
        if broken:
            raise CommandError(f"broken: {_words(broken[0])}")

    def _job(self, job: UUID) -> list[dict[str, Any]]:
        tenant = Job.objects.filter(id=job).values_list("tenant", flat=True).first()
        if tenant is None:
            raise CommandError(f"there is no job {job}", returncode=3)
        with access.recorded("verify", "aetheris_verify", tenant=tenant, job=str(job)):
            found = services.verify_and_note(job)
        self._say(f"job {job}: {found['events']} events, {'whole' if found['ok'] else _words(found)}")
        return [found]

    def _many(self, scope: dict[str, str], tenant: str | None) -> list[dict[str, Any]]:
        asked = inspection.Scope(**{**scope, **_times(scope)}).checked()
        tenants = [tenant] if tenant else list(inspection.tenants()) or [conf().DEFAULT_TENANT]
        return [self._tenant(each, asked) for each in tenants]

    def _tenant(self, tenant: str, scope: inspection.Scope) -> dict[str, Any]:
        who = access.at_machine()
        with access.recorded("verify", "aetheris_verify", tenant=tenant):
            row = inspection.ask(tenant, scope, inspection.Asker("command", who.id, who.name))
            inspection.run(row.id, None, tell=self._progress)
            while (
                row := inspection.verification_for(tenant, row.id)
            ).state in AT_WORK:  # a worker was quicker
                time.sleep(1.0)
                inspection.run(row.id, None, tell=self._progress)
        self._say(f"tenant {tenant}: {_figures(row)}")
        breaks = [inspection.breakage_json(each) for each in islice(inspection.breakages_of(row), SHOWN)]
        for each in breaks:
            self._say(f"  {_words({'job': each['job'], 'problem': each})}")
        told = inspection.verification_json(row)
        return {**told, "tenant": tenant, "ok": row.state == "done" and not row.broken, "breaks": breaks}

    def _progress(self, row: Verification) -> None:
        if sys.stderr.isatty():
            self.stderr.write(f"\r{_figures(row)}", ending="")
            self.stderr.flush()

    def _say(self, words: str) -> None:
        self.stderr.write(words)


def _figures(row: Verification) -> str:
    rate = f", {row.events / row.seconds:,.0f} events/s" if row.seconds else ""
    return f"{row.jobs:,} of {row.total:,} jobs, {row.events:,} events{rate}, {row.broken:,} broken"


def _times(scope: dict[str, str]) -> dict[str, str]:
    return {name: moment(scope, name) or "" for name in ("since", "until") if name in scope}


def _words(found: dict[str, Any]) -> str:
    problem = (
        found.get("problem") or (found.get("breaks") or [{"message": "the verification did not end"}])[0]
    )
    job = problem.get("job") or found.get("job")
    return f"{f'job {job}: ' if job else ''}{problem.get('kind', '')}: {problem['message']}"
