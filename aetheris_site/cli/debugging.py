"""`debug --compare-replay`: would the code that lies here have decided the same as jobs on record?"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from .failures import Failure, Missing
from .histories import Chosen, chosen
from .options import Verb
from .output import document, note, record, table
from .session import Session
from .waiting import Clock
from .words import clip, line

if TYPE_CHECKING:
    from collections.abc import Callable

    from forensics.gate import Comparison, Report

LIMIT = 100
KINDS = (".json", ".md", ".xml")


@click.command(
    cls=Verb, example="aetheris debug --compare-replay --agent refund --since 7d --report gate.xml"
)
@click.argument("jobs", metavar="[JOB|FILE.zip]...", nargs=-1)
@click.option(
    "--compare-replay", "compare", is_flag=True, help="Run the code of this folder against the jobs' records."
)
@click.option("--agent", default="", help="Jobs of this agent.")
@click.option("--status", "statuses", multiple=True, help="Jobs of this status; repeatable.")
@click.option(
    "--since", default="", metavar="TIME", help="Jobs created since: RFC 3339, or so long ago (24h)."
)
@click.option(
    "--limit", type=click.IntRange(min=1), default=LIMIT, show_default=True, help="The newest so many jobs."
)
@click.option(
    "--against", default="", metavar="VERSION", help="Run this version of the agent, not the jobs' own."
)
@click.option(
    "--agents", "modules", multiple=True, metavar="MODULE", help="A module with agents; may be repeated."
)
@click.option(
    "--report", "reports", multiple=True, type=click.Path(dir_okay=False, path_type=Path), metavar="FILE",
    help="Write the report: .json, .md, or .xml for JUnit; repeatable.",
)  # fmt: skip
@click.pass_obj
def debug(session: Session, /, jobs: tuple[str, ...], compare: bool, **told: Any) -> None:
    """Hold recorded jobs against the code of this folder.

    Records come from the API or from evidence packages; the code runs here, with the world closed, and nothing is
    written. Exit 1 if a job would have gone otherwise, or if there was none to compare.
    """
    if not compare:
        raise click.UsageError("Say what to do with them: --compare-replay.")
    for path in told["reports"]:
        if path.suffix not in KINDS:
            raise click.UsageError(f"--report {path}: the name must end with {', '.join(KINDS)}.")
    wish = Chosen(jobs, told["agent"], told["statuses"], told["since"], told["limit"])
    if not jobs and not (wish.agent or wish.statuses or wish.since):
        raise click.UsageError("Name jobs or files, or say --agent, --status or --since.")
    if jobs and (wish.agent or wish.statuses or wish.since):
        raise click.UsageError(
            "Name jobs or files, or choose them by --agent, --status and --since; not both."
        )
    load(told["modules"])
    report = _compared(session, wish, told["against"])
    _write(report, told["reports"])
    _show(session, report)
    _judge(report)


def load(modules: tuple[str, ...]) -> None:
    """Have the agents of this folder, and of the settings, in this process. No database is opened.

    Raises:
        Failure: the code cannot be imported.
    """
    from importlib import import_module

    from .dev import agents_of

    named = agents_of(modules, Path.cwd())
    import django

    try:
        django.setup()
        for module in named:
            import_module(module)
    except Exception as error:
        raise Failure(
            f"The code of this folder cannot be loaded: {type(error).__name__}: {error}", code="code_not_loaded",
            advice="Name its modules with --agents or AETHERIS_AGENTS; they must be importable from here.",
        ) from error  # fmt: skip


def _compared(session: Session, wish: Chosen, against: str) -> Report:
    from forensics.gate import NotComparable, Report, compared, not_comparable, replayed

    report = Report(against)
    with _progress(session, wish) as advance:
        for job in chosen(session, wish):
            try:
                told = replayed(job.id, job.events(), against or None)
                report.jobs.append(compared(told, job.agent))
            except NotComparable as error:
                report.jobs.append(not_comparable(job.id, job.agent, error.code, str(error)))
            advance(report.jobs[-1])
    if not report.jobs:
        raise Missing("There is no such job on record", code="no_jobs")
    return report


@contextmanager
def _progress(session: Session, wish: Chosen) -> Iterator[Callable[[Comparison], None]]:
    """A line on stderr for each job that is not identical, and on a terminal the count of all."""
    live, done, clock = sys.stderr.isatty() and not session.json, 0, Clock()
    begun = clock.now()

    def advance(each: Comparison) -> None:
        nonlocal done
        done += 1
        if each.verdict != "identical":
            note(f"{each.job}: {each.verdict.replace('_', ' ')}: {line(each.group)}")
        if live:
            click.echo(f"\r{done} jobs, {clock.now() - begun:.0f} s ", nl=False, err=True)

    yield advance
    if live:
        click.echo(err=True)


def _write(report: Report, paths: tuple[Path, ...]) -> None:
    from forensics.gate import rendered

    for path in paths:
        try:
            path.write_text(rendered(report, path.suffix), encoding="utf-8")
        except OSError as error:
            raise Failure(
                f"The report cannot be written to {path}: {error.strerror}", code="not_written"
            ) from error


def _show(session: Session, report: Report) -> None:
    if session.json:
        document(report.to_json())
        return
    names = ("identical", "diverged", "not_comparable")
    record({name.replace("_", " ").capitalize(): str(len(report.of(name))) for name in names})
    rows: list[dict[str, Any]] = [
        {"agent": agent, "what": what, "jobs": jobs}
        for verdict in names[1:]
        for (agent, what), jobs in report.groups(verdict).items()
    ]
    if rows:
        table(rows, _COLUMNS, "")


_COLUMNS: dict[str, Callable[[Any], str]] = {
    "Agent": lambda each: each["agent"],
    "What": lambda each: each["what"],
    "Jobs": lambda each: str(len(each["jobs"])),
    "First": lambda each: each["jobs"][0].job,
    "Event": lambda each: str((each["jobs"][0].problem or {}).get("seq", "")),
    "Recorded": lambda each: clip(line((each["jobs"][0].problem or {}).get("recorded", "")), 40),
    "The code": lambda each: clip(
        line((each["jobs"][0].problem or {}).get("asked", each["jobs"][0].message)), 60
    ),
}


def _judge(report: Report) -> None:
    if report.verdict == "identical":
        return
    if report.verdict == "nothing_compared":
        raise Failure(f"None of {len(report.jobs)} jobs could be compared", code="nothing_compared")
    found = report.of("diverged")
    count = f"{len(found)} of {len(report.jobs)} jobs" if len(report.jobs) > 1 else f"Job {found[0].job}"
    raise Failure(f"{count} would have gone otherwise; the first: {found[0].message}", code="diverged")
