"""`webhooks list|add|rotate|test|disable|enable|remove|deliveries`: who is told of approvals over HTTP."""

from __future__ import annotations

from typing import Any

import click

from .options import DURATION, Verb
from .output import Columns, document, note, record, table
from .paths import part
from .session import Session
from .words import moment


@click.group()
def webhooks() -> None:
    """Add, change, test and remove webhooks, and see what was sent to them."""


@webhooks.command("list", cls=Verb, example="aetheris webhooks list")
@click.pass_obj
def listing(session: Session) -> None:
    """List the webhooks."""
    found = list(session.api().pages("/api/webhooks"))
    if session.json:
        document(found)
        return
    columns: Columns = {
        "Id": lambda each: str(each["id"]),
        "Name": lambda each: str(each["name"]),
        "Url": lambda each: str(each["url"]),
        "Events": lambda each: ", ".join(each["events"]) or "all",
        "State": lambda each: "on" if each["enabled"] else f"off: {each['disabled_why']}",
    }
    table(found, columns, empty="There is no webhook.")


@webhooks.command(cls=Verb, example="aetheris webhooks add https://hooks.example.com/aetheris --name chat")
@click.argument("url")
@click.option("--name", default="", help="What people call it.")
@click.option(
    "--event", "events", multiple=True, help="Only this event, such as approval.asked; may be repeated."
)
@click.option("--secret", default="", help="secret:NAME, or your own whsec_…; without it a new one is made.")
@click.option("--asymmetric", is_flag=True, help="Sign with an Ed25519 key (v1a) instead of a shared secret.")
@click.pass_obj
def add(
    session: Session, url: str, name: str, events: tuple[str, ...], secret: str, asymmetric: bool
) -> None:
    """Add a webhook and print its secret; it is shown only now."""
    body: dict[str, Any] = {"url": url, "name": name, "events": list(events), "asymmetric": asymmetric}
    if secret:
        body["secret"] = secret
    _made(session, session.api().post("/api/webhooks", body))


@webhooks.command(cls=Verb, example="aetheris webhooks rotate 018f… --overlap 1d")
@click.argument("webhook", metavar="ID")
@click.option(
    "--overlap", type=DURATION, help="How long the old secret signs beside the new one; a day unless told."
)
@click.pass_obj
def rotate(session: Session, webhook: str, overlap: float | None) -> None:
    """Make a new secret and print it; it is shown only now."""
    body = {} if overlap is None else {"overlap": overlap}
    _made(session, session.api().post(f"/api/webhooks/{part(webhook)}/rotate", body))


def _made(session: Session, made: dict[str, Any]) -> None:
    if session.json:
        document(made)
        return
    click.echo(made["secret"] or made["id"])
    note(f"Webhook {made['id']}. Its receiver checks signatures with this; it is not shown again.")


@webhooks.command(cls=Verb, example="aetheris webhooks test 018f…")
@click.argument("webhook", metavar="ID")
@click.pass_obj
def test(session: Session, webhook: str) -> None:
    """Send a test message; the job says what came of it."""
    answer = session.api().post(f"/api/webhooks/{part(webhook)}/test")
    if session.json:
        document(answer)
    else:
        record({"Job": answer["job"]})


@webhooks.command(cls=Verb, example="aetheris webhooks disable 018f…")
@click.argument("webhook", metavar="ID")
@click.pass_obj
def disable(session: Session, webhook: str) -> None:
    """Send nothing there until it is enabled again."""
    _switched(session, webhook, on=False)


@webhooks.command(cls=Verb, example="aetheris webhooks enable 018f…")
@click.argument("webhook", metavar="ID")
@click.pass_obj
def enable(session: Session, webhook: str) -> None:
    """Send there again."""
    _switched(session, webhook, on=True)


def _switched(session: Session, webhook: str, *, on: bool) -> None:
    answer = session.api().patch(f"/api/webhooks/{part(webhook)}", {"enabled": on})
    if session.json:
        document(answer)
    else:
        record({"Webhook": answer["id"], "State": "on" if answer["enabled"] else "off"})


@webhooks.command(cls=Verb, example="aetheris webhooks remove 018f…")
@click.argument("webhook", metavar="ID")
@click.pass_obj
def remove(session: Session, webhook: str) -> None:
    """End a webhook; what was sent stays in the ledger."""
    answer = session.api().delete(f"/api/webhooks/{part(webhook)}")
    if session.json:
        document(answer)
    else:
        record({"Removed": webhook})


@webhooks.command(cls=Verb, example="aetheris webhooks deliveries 018f…")
@click.argument("webhook", metavar="ID")
@click.pass_obj
def deliveries(session: Session, webhook: str) -> None:
    """List what was sent, the newest first, with what came of it."""
    found = list(session.api().pages(f"/api/webhooks/{part(webhook)}/deliveries"))
    if session.json:
        document(found)
        return
    columns: Columns = {
        "Promised": lambda each: moment(each["promised_at"]),
        "Event": lambda each: str(each["event"]),
        "Approval": lambda each: str(each["approval"]),
        "State": lambda each: str(each["state"]),
        "Attempts": lambda each: str(each["attempts"]),
        "Job": lambda each: str(each["job"]),
    }
    table(found, columns, empty="Nothing was sent yet.")
