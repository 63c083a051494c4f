"""The code of yesterday: version 1, and a tool that the next one has dropped."""

from __future__ import annotations

from ledger import tool
from tests.agents import world
from tests.agents.rolling import rolling

rolling("1")


@tool(name="rolling.dropped", effect="pure")
def dropped(word: str) -> str:
    """A tool that only this code has."""
    world.did(word)
    return word
