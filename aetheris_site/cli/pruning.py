"""`prune`: one job is looked at, then archived and taken away; its tombstone is shown."""

from __future__ import annotations

from typing import Any

import click

from .failures import Failure
from .options import Verb
from .output import document, note, record
from .paths import job_path
from .session import Session
from .words import moment


@click.command(
    cls=Verb, example="aetheris prune 0197c1a2-… --basis 'Art. 5 (1) (e) GDPR' --reason 'its time is over'"
)
@click.argument("job")
@click.option("--basis", default="", help="On what legal ground.")
@click.option("--reason", default="", help="Why.")
@click.option("--no-archive", is_flag=True, help="Write no evidence package first.")
@click.option("--dry-run", is_flag=True, help="Only say what would go.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.pass_obj
def prune(
    session: Session, /, job: str, basis: str, reason: str, no_archive: bool, dry_run: bool, yes: bool
) -> None:
    """Take a job that has ended out of the database; its evidence package is written first, its tombstone stays."""
    if not (dry_run or yes or session.has_person):
        raise click.UsageError("Nobody is here to ask: give --yes, or --dry-run to look.")
    if not dry_run and not (basis and reason):
        raise click.UsageError("Say why and on what ground: --reason and --basis.")
    api, path = session.api(), f"{job_path(job)}/prune"
    seen = api.post(path, {"dry_run": True})
    if dry_run or seen["already"]:
        _show(session, seen)
        return
    if not yes:
        _look(seen, archived=not no_archive, beside=session.json)
        if not seen["refused"] and not click.confirm("Prune it?", err=True):
            raise Failure("Nothing was pruned", code="not_confirmed")
    body = {
        "dry_run": False,
        "head": seen["head"]["hash"],
        "reason": reason,
        "legal_basis": basis,
        "archive": not no_archive,
    }
    _show(session, api.post(path, body))


def _look(seen: dict[str, Any], *, archived: bool, beside: bool) -> None:
    record({
        "Job": str(seen["job"]),
        "Would go": f"{seen['events']} events, {seen['calls']} calls, {seen['approvals']} approvals",
        "Stays": f"the tombstone, {seen['keys']} spent business keys",
        "Package": str(seen["archive"] or "there is no folder for it") if archived else "none",
        "Others that hold something of it": ", ".join(each["job"] for each in seen["copies"]) or "none",
    }, beside=beside)  # fmt: skip
    if seen["refused"]:
        note(f"It would be refused: {seen['refused']['message']}")


def _show(session: Session, told: dict[str, Any]) -> None:
    stone = told["tombstone"]
    if session.json:
        document(told)
    elif stone is None:
        _look(told, archived=True, beside=False)
    else:
        if told["already"]:
            note(f"Job {told['job']} was pruned before.")
        record({
            "Job": f"{stone['job']}, {stone['agent']}@{stone['version']}",
            "Pruned": f"{moment(stone['pruned_at'])} by {stone['pruned_by']['name']}",
            "Reason": stone["reason"],
            "Legal basis": stone["basis"],
            "Events": f"{stone['events']}, head {stone['head']['hash']}",
            "Package": stone["archive"]["path"] if stone["archive"] else "none was kept",
            "Signed with": stone["key"],
        })  # fmt: skip
