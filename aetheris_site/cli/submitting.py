"""`submit`: give an agent a goal; and, if wished, see the job through to its end."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import click

from .failures import Failure
from .history import event_line
from .options import DURATION, JSON, Verb, value_of
from .output import document, note, record
from .reading import job_pairs
from .session import Session

if TYPE_CHECKING:
    from .client import Api


@click.command(cls=Verb, example='aetheris submit refund --goal \'{"order_id": "A-1001"}\' --wait')
@click.argument("agent")
@click.option("--goal", type=JSON, required=True, help="The goal: JSON, @FILE, or - for standard input.")
@click.option(
    "--idempotency-key", metavar="KEY", help="The same key and goal give the same job, however often sent."
)
@click.option("--tag", "tags", multiple=True, help="A tag to find the job by; may be repeated.")
@click.option("--priority", type=int, help="Higher is sooner among jobs that are ready.")
@click.option(
    "--on-failure",
    type=click.Choice(["fail", "compensate"]),
    help="compensate: undo what has landed before the job ends as failed or cancelled.",
)
@click.option("--wait", is_flag=True, help="Wait for the end: exit 0 if completed, else 1.")
@click.option("--follow", is_flag=True, help="Print events as they come, to the end; then as --wait.")
@click.option("--timeout", type=DURATION, help="With --wait: stop waiting after this time (the job goes on).")
@click.pass_obj
def submit(
    session: Session,
    agent: str,
    goal: Any,
    idempotency_key: str | None,
    tags: tuple[str, ...],
    priority: int | None,
    on_failure: str | None,
    wait: bool,
    follow: bool,
    timeout: float | None,
) -> None:
    """Start a job. AGENT is a name, or name@version.

    Prints the id of the new job; with --wait or --follow then what became of it.
    """
    if timeout is not None and (follow or not wait):
        raise click.UsageError("--timeout belongs to --wait (and --follow has no end before the job's).")
    api = session.api()
    body: dict[str, Any] = {"agent": agent, "goal": value_of(goal)}
    body |= {"tags": list(tags)} if tags else {}
    body |= {"priority": priority} if priority is not None else {}
    body |= {"on_failure": on_failure} if on_failure else {}
    job = _send(api, body, idempotency_key or str(uuid.uuid4()))
    if not wait and not follow:
        _accepted(session, job)
    else:
        _see_through(session, api, job, follow, timeout)


def _send(api: Api, body: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    """Submit under a key, so that whoever got no answer can safely ask again."""
    try:
        answer: Mapping[str, Any] = api.post("/api/jobs", body, **{"Idempotency-Key": key})
    except Failure as failure:
        if failure.code == "no_answer":
            failure.advice = (
                f"Repeat the command with --idempotency-key {key}: one job comes of it, never two."
            )
        raise
    return answer


def _accepted(session: Session, job: Mapping[str, Any]) -> None:
    if session.json:
        document(job)
        return
    click.echo(job["id"])
    if session.on_terminal:
        note(f"{job['agent']}@{job['version']} is {job['status']}. Next: aetheris trace {job['id']}")


def _see_through(
    session: Session, api: Api, job: Mapping[str, Any], follow: bool, timeout: float | None
) -> None:
    from .stream import follow as events
    from .waiting import must_complete, until_end

    if not session.json:
        click.echo(job["id"])
    if follow:
        for event in events(api, job["id"]):
            click.echo(event_line(event), err=session.json)
    ended = until_end(api, job["id"], timeout=timeout)
    if session.json:
        document(ended)
    else:
        record(job_pairs(ended))
    must_complete(ended)
