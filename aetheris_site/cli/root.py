"""The root of the command line: which commands there are, and where each of them is written."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import click

from .options import common

SECTIONS = {
    "Jobs": {
        "submit": "submitting",
        "jobs": "jobs",
        "job": "jobs",
        "events": "history",
        "trace": "history",
        "node": "history",
        "timeline": "reasons",
        "reasoning": "reasons",
        "signal": "control",
        "message": "control",
        "pause": "control",
        "resume": "control",
        "cancel": "control",
        "retry": "forking",
        "fork": "forking",
    },
    "Agents": {"agents": "instances", "chat": "chat"},
    "People": {
        "approvals": "approvals",
        "approve": "approvals",
        "reject": "approvals",
        "delegate": "approvals",
        "unresolved": "effects",
        "resolve": "effects",
    },
    "Proof": {
        "verify": "proof",
        "export": "exporting",
        "replay": "proof",
        "state": "travelling",
        "debug": "debugging",
        "confirm": "confirming",
        "log": "transparency",
        "keygen": "transparency",
    },
    "Evidence": {
        "evidence": "evidencing",
        "who": "evidencing",
        "why": "following",
        "followed": "following",
    },
    "Audit": {"search": "auditing", "searches": "auditing", "anomalies": "auditing", "access": "auditing"},
    "What is kept": {
        "erase": "keeping",
        "prune": "pruning",
        "hold": "keeping",
        "release": "keeping",
        "holds": "keeping",
        "tombstones": "keeping",
        "retention": "keeping",
    },
    "The running system": {
        "health": "system",
        "workers": "system",
        "monitor": "monitor",
        "definitions": "catalogue",
        "tools": "catalogue",
        "token": "tokens",
        "webhooks": "webhooks",
        "version": "system",
    },
    "Building": {"init": "scaffold", "dev": "dev", "lint": "linting"},
}
_HOMES = {name: home for section in SECTIONS.values() for name, home in section.items()}


class Root(click.Group):
    """Loads a command only when it is asked for, so that --help needs neither Django nor the network."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Every name, in the order of the help."""
        return list(_HOMES)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of that name."""
        home = _HOMES.get(cmd_name)
        if home is None:
            return None
        command: click.Command = getattr(import_module(f".{home}", __package__), cmd_name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The names by section, each with the first sentence of its help."""
        width = max(len(name) for name in _HOMES)
        for title, names in SECTIONS.items():
            found: list[tuple[str, Any]] = [(name, self.get_command(ctx, name)) for name in names]
            with formatter.section(title):
                rows = [
                    (name.ljust(width), command.get_short_help_str(64)) for name, command in found if command
                ]
                formatter.write_dl(rows)


@click.group(
    cls=Root,
    params=list[click.Parameter](common()),
    epilog="Each command has its own --help with an example.",
)
def cli() -> None:
    """Durable agents: submit jobs, answer their questions, see and prove what they did."""
