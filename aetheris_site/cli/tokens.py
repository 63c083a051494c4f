"""`token create|list|revoke`: one's own tokens."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import click

from .options import DURATION, Verb
from .output import Columns, document, note, record, table
from .paths import part
from .session import Session
from .words import moment


@click.group()
def token() -> None:
    """Make, list and revoke your own tokens."""


@token.command(cls=Verb, example="aetheris token create --name laptop --expires 30d")
@click.option("--name", default="", help="What it is for.")
@click.option("--expires", type=DURATION, help="How long it is valid; without it, until it is revoked.")
@click.pass_obj
def create(session: Session, name: str, expires: float | None) -> None:
    """Make a token and print it; it is shown only now."""
    body: dict[str, Any] = {"name": name}
    if expires is not None:
        body["expires_at"] = (datetime.now(UTC) + timedelta(seconds=expires)).isoformat()
    made = session.api().post("/api/tokens", body)
    if session.json:
        document(made)
        return
    click.echo(made["token"])
    note(f"Keep it: it is not shown again. `aetheris token revoke {made['id']}` ends it.")


@token.command("list", cls=Verb, example="aetheris token list")
@click.pass_obj
def listing(session: Session) -> None:
    """List your tokens by their beginnings."""
    found = list(session.api().pages("/api/tokens"))
    if session.json:
        document(found)
        return
    columns: Columns = {
        "Id": lambda each: str(each["id"]),
        "Begins": lambda each: str(each.get("prefix") or ""),
        "Name": lambda each: str(each.get("name") or ""),
        "Created": lambda each: moment(each.get("created_at")),
        "Expires": lambda each: moment(each.get("expires_at")),
        "Revoked": lambda each: moment(each.get("revoked_at")),
    }
    table(found, columns, empty="You have no token.")


@token.command(cls=Verb, example="aetheris token revoke 3")
@click.argument("token_id", metavar="ID")
@click.pass_obj
def revoke(session: Session, token_id: str) -> None:
    """End a token at once."""
    answer = session.api().delete(f"/api/tokens/{part(token_id)}")
    if session.json:
        document(answer)
    else:
        record({"Revoked": token_id})
