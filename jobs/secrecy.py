"""Secrets in payloads: what comes in is refused, what has happened is masked; `AETHERIS["SECRET_POLICY"]` decides.

| policy | through a verb | in a plan, or in arguments of a call | result of a call, output, error |
|---|---|---|---|
| `refuse` | refused | refused before anything is promised | masked |
| `mask` | masked before it is kept | refused before anything is promised | masked |
| `warn` | kept, and logged | kept, and logged | kept, and logged |
| `off` | kept | kept | kept |

A secret that this process has read by reference is masked in all that it writes, whatever the policy says.
"""

from __future__ import annotations

import logging
from typing import Any

from ledger.secrets import Hit, masked, scan
from ledger.vault import hidden

from .conf import conf
from .core.errors import Invalid

log = logging.getLogger("aetheris.secrets")
CODE = "secret_in_payload"
TOLD = 20


class SecretInArguments(ValueError):
    """The arguments of a ctx call hold a secret, which the policy keeps out of the record."""

    code = "secret_in_arguments"


def admitted(value: Any, what: str) -> Any:
    """A payload of a verb as it may be kept.

    Raises:
        Invalid: it holds a secret and the policy is `refuse`; the error says where and what shape, never the value.
    """
    policy = conf().SECRET_POLICY
    if policy == "off":
        return value
    clean, hits = masked(value)
    if not hits:
        return value
    if policy == "refuse":
        raise Invalid(
            f"{what} seems to hold a secret: {told(hits)}; nothing was kept. Pass a reference, "
            '{"$secret": "name"}, and let the tool read it',
            code=CODE,
            errors=[{"loc": _loc(hit), "msg": f"looks like a secret ({hit.shape})"} for hit in hits[:TOLD]],
        )
    if policy == "warn":
        log.warning("%s seems to hold a secret: %s", what, told(hits))
        return value
    return clean


def forbidden(value: Any, what: str) -> str | None:
    """Why a plan, or the arguments of a call, may not be recorded; None where they may."""
    policy = conf().SECRET_POLICY
    if policy == "off":
        return None
    hits = scan(value)
    if not hits:
        return None
    if policy == "warn":
        log.warning("%s seem to hold a secret: %s", what, told(hits))
        return None
    return (
        f"{what} seem to hold a secret: {told(hits)}; nothing was called. "
        'Pass a reference, ledger.secret("name"), or read it inside the tool'
    )


def kept(value: Any, what: str = "", *, text: str | None = None) -> Any:
    """What has happened, as it is recorded: with a mark in the place of every secret, and never refused (design: E5).

    Args:
        value: a JSON value.
        what: how the log names it.
        text: its canonical text, where that is known.
    """
    clear = hidden(value)
    if clear is not value:
        value, text = clear, None
    policy = conf().SECRET_POLICY
    if policy == "off":
        return value
    clean, hits = masked(value, text=text)
    if hits:
        log.warning("%s held a secret: %s", what or "a result", told(hits))
    return value if policy == "warn" else clean


def told(hits: tuple[Hit, ...]) -> str:
    """Where secrets were found, and of what shape."""
    said = [f"{hit.shape} at {hit.pointer or 'its root'}" for hit in hits[:TOLD]]
    more = f" and {len(hits) - TOLD} more" if len(hits) > TOLD else ""
    return ", ".join(said) + more


def _loc(hit: Hit) -> list[str]:
    return [part.replace("~1", "/").replace("~0", "~") for part in hit.pointer.split("/")[1:]]
