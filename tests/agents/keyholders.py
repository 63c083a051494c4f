"""Toy tools that are given secrets, and do with them what tools of careless authors do."""

from __future__ import annotations

import base64
import logging
from typing import Any

from ledger import NotLanded, Secret, ToolCall, Unknown, tool
from tests.agents import world

log = logging.getLogger("tests.keyholders")


@tool(effect="idempotent")
def authorised(word: str, token: str, headers: dict[str, str] | None = None) -> Any:
    """Give back how long the secrets are that came in."""
    world.did(word)
    return {"token": len(token), "headers": {name: len(value) for name, value in (headers or {}).items()}}


@tool(effect="idempotent")
async def authorised_async(word: str, token: Secret) -> Any:
    """The same on the event loop, with a parameter that takes a reference only."""
    world.did(word)
    return {"token": len(token), "shown": repr(token)}


@tool(effect="at_most_once", key=lambda word, token, **_: f"{word}:{token}")
def echoes(word: str, token: str, how: str = "plain") -> Any:
    """Give the secret back, as a careless service does."""
    world.did(word)
    log.warning("the token is %s", token)
    if how == "raises":
        raise RuntimeError(f"401 for token {token}")
    if how == "not_landed":
        raise NotLanded(f"token {token} was refused", permanent=True)
    coded = base64.b64encode(token.encode()).decode()
    return {"said": f"you sent {token}", "list": [token], token: 1, "coded": coded, "word": word}


@tool(effect="at_most_once")
def asked_with_secret(word: str) -> Any:
    """Break off, so that the probe is asked; the probe reads the secret by itself."""
    world.did(word)
    raise RuntimeError("the connection broke")


@asked_with_secret.probe
def _(call: ToolCall) -> Unknown:
    return Unknown(f"asked with {call.secret('probed')}")


@tool(effect="at_most_once")
def leaks(word: str, what: str = "") -> Any:
    """Give back what the toy world holds under the word: a credential that the other side has made."""
    return world.answer(word, what)


@tool(effect="pure")
def takes(word: str, text: str = "", password: str = "") -> Any:
    """Take anything."""
    world.did(word)
    return {"taken": len(text) + len(password)}
