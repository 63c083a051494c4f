"""`agents`: agent instances; bare it lists them."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

import click

from .failures import Failure
from .options import JSON, Verb, common, value_of
from .output import Columns, document, note, record, table
from .paths import part
from .reading import instance_pairs, named_agent
from .session import Session
from .words import moment

if TYPE_CHECKING:
    from .client import Api

_EXAMPLE = "\b\nExample:\n  aetheris agents --agent support"


def instance_path(instance: str) -> str:
    """An agent instance, by id or name."""
    return f"/api/agents/{part(instance)}"


@click.group(invoke_without_command=True, epilog=_EXAMPLE, params=list[click.Parameter](common()))
@click.option("--agent", help="Only instances of this agent.")
@click.option("--deleted", is_flag=True, help="Also those that are deleted.")
@click.pass_context
def agents(ctx: click.Context, agent: str | None, deleted: bool) -> None:
    """List agent instances; or create, show, message, pause, resume or delete one.

    An instance lives on: it keeps its state, and each message to it is one job.
    """
    if ctx.invoked_subcommand is not None:
        return
    session: Session = ctx.obj
    found = list(session.api().pages("/api/agents", agent=agent, deleted="true" if deleted else None))
    if session.json:
        document(found)
    else:
        table(found, _COLUMNS, empty="There is no agent instance. `aetheris agents create AGENT` makes one.")


@agents.command(cls=Verb, example="aetheris agents create support --name desk")
@click.argument("agent")
@click.option("--name", help="To be called by; unique among the living ones.")
@click.option(
    "--state", type=JSON, help="The object that it begins with: JSON, @FILE, or - for standard input."
)
@click.pass_obj
def create(session: Session, agent: str, name: str | None, state: Any) -> None:
    """Create an instance of AGENT (a name, or name@version) and print its id."""
    made = session.api().post("/api/agents", {"agent": agent, "name": name, "state": value_of(state)})
    if session.json:
        document(made)
        return
    click.echo(made["id"])
    if session.on_terminal:
        note(f"Talk to it with: aetheris chat {name or made['id']}")


@agents.command(cls=Verb, example="aetheris agents show desk")
@click.argument("instance")
@click.pass_obj
def show(session: Session, instance: str) -> None:
    """Show one instance, by id or name: how it stands, and what it keeps."""
    api = session.api()
    found = api.get(instance_path(instance))
    kept = api.get(f"{instance_path(instance)}/state")
    if session.json:
        document({**found, "state": kept["state"]})
    else:
        record(instance_pairs(found, kept["state"]))


@agents.command(cls=Verb, example='aetheris agents message desk \'{"text": "hello"}\' --not-before 10m')
@click.argument("instance")
@click.argument("body", type=JSON)
@click.option(
    "--id", "word_id", metavar="ID", help="The same id and message give the same job, however often sent."
)
@click.option("--not-before", metavar="WHEN", help="A duration such as 10m, or an RFC 3339 time.")
@click.pass_obj
def message(session: Session, instance: str, body: Any, word_id: str | None, not_before: str | None) -> None:
    """Send a message (JSON, @FILE, or -) and print the job that it becomes."""
    sent = send(session.api(), instance, value_of(body), word_id=word_id, not_before=not_before)
    if session.json:
        document(sent)
        return
    click.echo(sent["job_id"])
    if session.on_terminal:
        note(f"Next: aetheris job {sent['job_id']}")


def send(
    api: Api, instance: str, body: Any, *, word_id: str | None = None, not_before: str | None = None
) -> Any:
    """Send under an id, so that whoever got no answer can safely send again."""
    key = word_id or str(uuid.uuid4())
    told = {"message": body, "id": key, **({"not_before": not_before} if not_before else {})}
    try:
        return api.post(f"{instance_path(instance)}/message", told)
    except Failure as failure:
        if failure.code == "no_answer":
            failure.advice = f"Send it again with --id {key}: one job comes of it, never two."
        raise


@agents.command(cls=Verb, example="aetheris agents pause desk")
@click.argument("instance")
@click.pass_obj
def pause(session: Session, instance: str) -> None:
    """Let an instance begin no further message; the one at work goes on."""
    answer = session.api().post(f"{instance_path(instance)}/pause")
    _told(
        session,
        answer,
        f"Agent {instance} begins no further message until `aetheris agents resume {instance}`.",
    )


@agents.command(cls=Verb, example="aetheris agents resume desk")
@click.argument("instance")
@click.pass_obj
def resume(session: Session, instance: str) -> None:
    """Let a paused instance go on with the next message."""
    _told(session, session.api().post(f"{instance_path(instance)}/resume"), f"Agent {instance} goes on.")


@agents.command(cls=Verb, example="aetheris agents delete desk")
@click.argument("instance")
@click.pass_obj
def delete(session: Session, instance: str) -> None:
    """Delete an instance: messages that wait are cancelled, the one at work goes on."""
    _told(
        session, session.api().delete(instance_path(instance)), f"Agent {instance} takes no message any more."
    )


def _told(session: Session, answer: Any, sentence: str) -> None:
    if session.json:
        document(answer)
    else:
        click.echo(sentence)


_COLUMNS: Columns = {
    "Instance": lambda each: str(each["id"]),
    "Name": lambda each: str(each.get("name") or ""),
    "Agent": named_agent,
    "Status": lambda each: str(each["status"]),
    "Queue": lambda each: str(each.get("queue") or 0),
    "Current job": lambda each: str(each.get("current_job") or ""),
    "Created": lambda each: moment(each.get("created_at")),
}
