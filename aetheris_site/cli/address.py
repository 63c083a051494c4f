"""Where the API is and which token opens it: flags, the environment, then var/local.json of a checkout.

A token goes only to the address beside it: one from local.json is never sent anywhere else, and a local.json
that was found by chance (upward from the working directory) counts only if it belongs to the caller.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import click

from .failures import Failure

OPERATOR = "operator"
APPROVER = "approver"
_PORTS = {"http": 80, "https": 443}
_HERE = ("localhost", "127.0.0.1", "::1")


@dataclass(frozen=True)
class Access:
    """An address and the token to show there; an empty token is none.

    `role`: the local user whose token it is.
    """

    api: str
    token: str = field(default="", repr=False)
    role: str = ""

    @property
    def is_local(self) -> bool:
        """Whether the address is this machine, where no proxy belongs in between."""
        return (urlsplit(self.api).hostname or "") in _HERE


@dataclass(frozen=True)
class Local:
    """What `make run` wrote down: its address, and a token per user."""

    path: Path
    api: str
    tokens: Mapping[str, str] = field(repr=False)


@dataclass(frozen=True)
class Wishes:
    """What flags say; empty where they say nothing. `role`: the user that `--as` names."""

    api: str = ""
    token: str = field(default="", repr=False)
    role: str = ""


def access(wishes: Wishes, *, role: str, env: Mapping[str, str], folder: Path) -> Access:
    """Find the address and the token.

    Args:
        wishes: the flags.
        role: the local user whose token this command takes if nobody says otherwise.
        env: the environment.
        folder: the working directory.

    Raises:
        Failure: there is no address, or local.json cannot be used.
        click.UsageError: the address is none, or `--as` names nobody.
    """
    if wishes.token and wishes.role:
        raise click.UsageError("--token and --as both name a token: give one of them.")
    api = wishes.api or env.get("AETHERIS_API_URL", "").strip() or _of_first(candidates(env, folder))
    api = _checked(api)
    token = wishes.token or ("" if wishes.role else env.get("AETHERIS_TOKEN", "").strip())
    if token:
        return Access(api, token)
    beside = next((each for each in candidates(env, folder) if _place(each.api) == _place(api)), None)
    if wishes.role:
        return Access(api, _of_role(beside, wishes.role, api), wishes.role)
    return Access(api, beside.tokens.get(role, ""), role) if beside else Access(api)


def candidates(env: Mapping[str, str], folder: Path) -> Iterator[Local]:
    """The local.json of the launcher's checkout, then those upward that belong to the caller, the nearest first.

    Raises:
        Failure: one is there and cannot be used.
    """
    home, var = env.get("AETHERIS_HOME", ""), env.get("AETHERIS_VAR", "").strip() or "var"
    if home and (path := Path(home) / var / "local.json").is_file():
        yield _read(path)
    for path in (place / var / "local.json" for place in (folder, *folder.parents)):
        if path.is_file() and path.stat().st_uid == os.geteuid():
            yield _read(path)


def _of_first(found: Iterator[Local]) -> str:
    for local in found:
        return local.api
    raise Failure(
        "No API address is known",
        code="no_address",
        advice="Start one with `make run`, or name one with --api URL or AETHERIS_API_URL.",
    )


def _read(path: Path) -> Local:
    try:
        data: Any = json.loads(path.read_text("utf-8"))
        local = Local(path=path, api=str(data["api"]), tokens={**data.get("tokens", {})})
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise Failure(
            f"{path} cannot be used: {type(error).__name__}: {error}",
            code="bad_local_file",
            advice="`make run` writes it again; or give --api and --token.",
        ) from error
    if (urlsplit(local.api).hostname or "") not in _HERE:
        raise Failure(
            f"{path} names {local.api}, which is not this machine",
            code="bad_local_file",
            advice="To use that address, say so: --api and --token.",
        )
    return local


def _of_role(local: Local | None, role: str, api: str) -> str:
    if local is None:
        raise click.UsageError(
            f"--as {role} takes a token from the var/local.json that `make run` writes, and none there is for {api}. "
            "Give --token instead."
        )
    if role not in local.tokens:
        raise click.UsageError(
            f"{local.path} has no token of {role!r}; it has those of {', '.join(sorted(local.tokens)) or 'nobody'}."
        )
    return local.tokens[role]


def _checked(api: str) -> str:
    try:
        parts = urlsplit(api)
        usable = parts.scheme in _PORTS and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        usable = False
    if not usable or "@" in parts.netloc or parts.query or parts.fragment:
        raise click.UsageError(f"{api!r} is no API address; write it like http://127.0.0.1:8080")
    return api.rstrip("/")


def _place(api: str) -> tuple[str, str, int]:
    parts = urlsplit(_checked(api))
    return parts.scheme, parts.hostname or "", parts.port or _PORTS[parts.scheme]
