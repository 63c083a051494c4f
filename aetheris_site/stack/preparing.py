"""Before a stack starts: the tables of its database, and in the dev profile two people who can use it."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .failures import StackError
from .place import Place

_PATIENCE = 300  # seconds; a migration of a large database takes its time


@dataclass(frozen=True)
class Login:
    """How one local user gets in."""

    name: str
    password: str = field(repr=False)
    token: str = field(repr=False)


def local_file(place: Place) -> Path:
    """Where address, tokens and passwords of the local users stand."""
    return place.var / "local.json"


def migrate(place: Place) -> None:
    """Bring the database's tables up to date.

    Raises:
        StackError: that failed; with what was printed.
    """
    _manage(place, "migrate", "--noinput", "--verbosity", "0")


def make_users(place: Place, more: Mapping[str, str]) -> None:
    """Create the two local users and write local.json; what is still valid stays as it is.

    Args:
        place: of the stack.
        more: further addresses to write down, by name.

    Raises:
        StackError: that failed; with what was printed.
    """
    extra = [word for name, url in more.items() for word in ("--also", f"{name}={url}")]
    _manage(place, "aetheris_dev_users", "--api", place.url, "--file", str(local_file(place)), *extra)


def logins(place: Place) -> list[Login]:
    """What local.json says.

    Raises:
        StackError: it is missing or spoiled.
    """
    path = local_file(place)
    try:
        data: Any = json.loads(path.read_text())
        users, tokens = data["users"], data["tokens"]
        return [
            Login(name, str(users[name]["password"]), str(tokens[name]))
            for name in sorted(users, reverse=True)
        ]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise StackError(f"{place.shown(path)} cannot be read ({error}); delete it and run again") from error


def _manage(place: Place, *words: str) -> None:
    command = [sys.executable, "-m", "django", *words]
    env = place.of_part("")
    try:
        done = subprocess.run(
            command, cwd=place.root, env=env, text=True, capture_output=True, timeout=_PATIENCE, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise StackError(
            f"`{words[0]}` did not end within {_PATIENCE} s: does the database answer?"
        ) from error
    if done.returncode:
        lines = "\n".join((done.stdout + done.stderr).strip().splitlines()[-15:])
        raise StackError(f"`{words[0]}` failed; see AETHERIS_DATABASE_URL and what it printed:", lines)
