"""`definitions` and `tools`: what the workers offer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import click

from .options import Verb
from .output import Columns, document, record, table
from .paths import part
from .session import Session
from .words import clip, compact, line, pretty


@click.command(cls=Verb, example="aetheris definitions refund")
@click.argument("name", required=False)
@click.pass_obj
def definitions(session: Session, name: str | None) -> None:
    """List agents and their versions; with NAME also the goal's form."""
    api = session.api()
    if name is None:
        found: Any = list(api.pages("/api/definitions"))
        shown = found
    else:
        found = api.get(f"/api/definitions/{part(name)}")
        shown = [found]
    if session.json:
        document(found)
        return
    table(
        _versions(shown), _AGENTS, empty="No worker has registered an agent; `aetheris workers` lists them."
    )
    for each in _versions(shown) if name else ():
        click.echo()
        record({"Agent": f"{each['name']}@{each['version']}", "Goal": pretty(each.get("schema"))})


@click.command(cls=Verb, example="aetheris tools issue_refund")
@click.argument("name", required=False)
@click.pass_obj
def tools(session: Session, name: str | None) -> None:
    """List tools; with NAME also the arguments' form."""
    api = session.api()
    if name is None:
        found: Any = list(api.pages("/api/tools"))
    else:
        found = api.get(f"/api/tools/{part(name)}")
    if session.json:
        document(found)
        return
    shown = found if isinstance(found, list) else [found]
    table(shown, _TOOLS, empty="No worker has registered a tool; `aetheris workers` lists them.")
    if name is not None:
        click.echo()
        record({"Tool": name, "Arguments": pretty(shown[0].get("schema"))})


def _versions(agents: list[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
    for agent in agents:
        for version in agent["versions"]:
            yield {**version, "name": agent["name"]}


def _summary(each: Mapping[str, Any]) -> str:
    return clip(line(str(each.get("description") or "").split("\n")[0]), 60)


_AGENTS: Columns = {
    "Agent": lambda each: str(each["name"]),
    "Version": lambda each: str(each["version"]),
    "Default": lambda each: "yes" if each.get("default") else "",
    "Form": lambda each: str(each.get("form") or ""),
    "Offered": lambda each: "yes" if each.get("offered", True) else "no",
    "Description": _summary,
}
_TOOLS: Columns = {
    "Tool": lambda each: str(each["name"]),
    "Version": lambda each: str(each.get("version") or ""),
    "Effect": lambda each: str(each.get("effect") or ""),
    "Requires": lambda each: compact(", ".join(each.get("requires") or [])),
    "Description": _summary,
}
