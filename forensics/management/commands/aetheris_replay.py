"""`manage.py aetheris_replay`: the deploy gate on the project's own database: recorded jobs against the code of today."""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError

from jobs.core.errors import Invalid
from jobs.core.events import Fact
from jobs.models import Job
from jobs.queries.jobs import STATUSES

from ... import access, record
from ...asking import moment, uuid
from ...gate import KINDS, NotComparable, Report, compared, not_comparable, rendered, replayed


class Command(BaseCommand):
    """Hold recorded jobs against the code of today. Nothing is called; only the access and the reports are written."""

    help = __doc__

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Which jobs, against which version, and where the reports go."""
        parser.add_argument("jobs", nargs="*", metavar="JOB", help="these jobs; or choose them:")
        parser.add_argument("--agent", help="jobs of this agent")
        parser.add_argument("--status", choices=STATUSES, help="jobs of this status")
        parser.add_argument("--tenant", help="jobs of this tenant; all unless told")
        parser.add_argument("--since", help="jobs created since: RFC 3339, or so long ago (24h)")
        parser.add_argument("--limit", type=int, default=100, help="the newest so many; 100 unless told")
        parser.add_argument("--against", help="run this version of the agent, not the jobs' own")
        parser.add_argument(
            "--report", action="append", default=[], help="FILE.json, FILE.md, or FILE.xml for JUnit"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Compare, say what parted, and end with 1 if anything did or nothing could be compared."""
        for name in options["report"]:
            if Path(name).suffix not in KINDS:
                raise CommandError(f"{name}: a report's name ends with {', '.join(KINDS)}", returncode=2)
        report = Report(options["against"] or "")
        for job in _jobs(options):
            report.jobs.append(self._one(job, options["against"]))
        for name in options["report"]:
            Path(name).write_text(rendered(report, Path(name).suffix), encoding="utf-8")
        self.stdout.write(rendered(report, ".md"))
        if report.verdict != "identical":
            sys.exit(1)

    def _one(self, job: Job, version: str | None) -> Any:
        agent = f"{job.agent}@{job.version}"
        try:
            with (
                access.recorded("replay", "aetheris_replay", tenant=job.tenant, job=str(job.id)),
                record.snapshot(),
            ):
                found = compared(replayed(job.id, _facts(job), version), agent)
        except NotComparable as error:
            found = not_comparable(str(job.id), agent, error.code, str(error))
        if found.verdict != "identical":
            self.stderr.write(f"{job.id}: {found.verdict.replace('_', ' ')}: {found.group}")
        return found


def _facts(job: Job) -> Iterator[Fact]:
    try:
        for some in record.in_batches(record.stream_of(job.id)):
            yield from record.facts_of(some, job.tenant)
    except record.Unreadable as error:
        raise NotComparable("broken_record", f"the record of job {job.id} is broken: {error}") from error


def _jobs(options: dict[str, Any]) -> list[Job]:
    chosen = Job.objects.order_by("-created_at", "-id")
    try:
        since = moment({"since": options["since"]}, "since") if options["since"] else None
        ids = [UUID(uuid({"job": each}, "job") or "") for each in options["jobs"]]
    except Invalid as error:
        raise CommandError(str(error), returncode=2) from error
    for name in ("agent", "status", "tenant"):
        if options[name]:
            chosen = chosen.filter(**{name: options[name]})
    if since:
        chosen = chosen.filter(created_at__gte=since)
    if ids:
        chosen = chosen.filter(id__in=ids)
    found = list(chosen[: options["limit"]])
    missing = {*ids} - {job.id for job in found}
    if missing and len(found) < options["limit"]:
        raise CommandError(f"there is no job {sorted(map(str, missing))[0]}", returncode=3)
    if not found:
        raise CommandError("there is no such job on record", returncode=3)
    return found
