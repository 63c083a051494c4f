"""`jobs` and `job`: which there are, and how one stands."""

from __future__ import annotations

from itertools import islice

import click

from .options import Verb
from .output import Columns, document, note, record, table
from .paths import job_path
from .reading import job_pairs
from .session import Session
from .words import clip, compact, moment, named, parked

LARGEST = 200  # of a page, as the server has it


@click.command(cls=Verb, example="aetheris jobs --status parked --agent refund")
@click.option(
    "--status", "statuses", multiple=True, metavar="STATUS", help="Only jobs in this status; may be repeated."
)
@click.option("--agent", help="Only jobs of this agent.")
@click.option("--tag", help="Only jobs with this tag.")
@click.option("--requester", metavar="ID", help="Only jobs that the user with this id asked for.")
@click.option("--limit", type=click.IntRange(1), default=20, show_default=True, help="At most so many.")
@click.option("--all", "everything", is_flag=True, help="Every one, however many.")
@click.pass_obj
def jobs(
    session: Session,
    statuses: tuple[str, ...],
    agent: str | None,
    tag: str | None,
    requester: str | None,
    limit: int,
    everything: bool,
) -> None:
    """List jobs, the newest first."""
    page = LARGEST if everything else min(limit + 1, LARGEST)
    filters = {"status": statuses, "agent": agent, "tag": tag, "requester": requester}
    pages = session.api().pages("/api/jobs", limit=page, **filters)
    found = list(pages if everything else islice(pages, limit + 1))
    shown = found if everything else found[:limit]
    if session.json:
        document(shown)
        return
    columns: Columns = {
        "Job": lambda job: job["id"],
        "Agent": named,
        "Status": lambda job: job["status"],
        "Created": lambda job: moment(job["created_at"]),
        "Parked on": lambda job: "; ".join(parked(wait) for wait in job.get("parked_on") or []),
        "Goal": lambda job: clip(compact(job.get("goal")), 40),
    }
    table(shown, columns, empty="No such job. `aetheris submit` starts one.")
    if len(found) > len(shown):
        note(f"There are more than {limit}; --limit N or --all shows them.")


@click.command(cls=Verb, example="aetheris job 0197c1a2-…")
@click.argument("job")
@click.pass_obj
def job(session: Session, job: str) -> None:
    """Show one job: status, goal, output, and what it waits for."""
    found = session.api().get(job_path(job))
    if session.json:
        document(found)
    else:
        record(job_pairs(found))
