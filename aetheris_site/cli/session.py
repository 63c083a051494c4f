"""One call of the command line: the flags it was given, how it prints, and the API it speaks to."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from .address import OPERATOR, Access, Wishes, access

if TYPE_CHECKING:
    import httpx

    from .client import Api


@dataclass
class Session:
    """What every command is handed.

    Args:
        flags: values of --api, --token, --as and --json, from before or after the command's name.
        transport: replaces the network.
    """

    flags: dict[str, Any] = field(default_factory=dict, repr=False)
    transport: httpx.BaseTransport | None = None

    @property
    def json(self) -> bool:
        """Whether the answer is one JSON document."""
        return bool(self.flags.get("json"))

    @property
    def on_terminal(self) -> bool:
        """Whether a person reads the answer as it comes."""
        return sys.stdout.isatty()

    @property
    def has_person(self) -> bool:
        """Whether somebody can answer a question."""
        return sys.stdin.isatty() and sys.stderr.isatty()

    def access(self, role: str = OPERATOR) -> Access:
        """The address and the token of this call."""
        wishes = Wishes(
            api=self.flags.get("api") or "",
            token=self.flags.get("token") or "",
            role=self.flags.get("as") or "",
        )
        return access(wishes, role=role, env=os.environ, folder=Path.cwd())

    def api(self, role: str = OPERATOR) -> Api:
        """The API, opened with the token of this call."""
        from .client import Api, connect  # httpx takes longer to load than --help to print

        http = connect(self.access(role), self.transport)
        click.get_current_context().call_on_close(http.close)
        return Api(http)
