"""Where a stack lives and under which settings: its folders, its port, its environment."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from hashlib import sha256
from pathlib import Path

from .failures import StackError

ROOT = Path(__file__).resolve().parents[2]
# Every process of a stack carries these two, and so does every child: by them it is found if its pid file is lost.
STACK = "AETHERIS_STACK"
PART = "AETHERIS_STACK_PART"
# They concern clients and tests; a running stack need not be restarted for them.
_NOT_OURS = {
    STACK,
    PART,
    "AETHERIS_API_URL",
    "AETHERIS_HOME",
    "AETHERIS_REQUIRE",
    "AETHERIS_TEST_DATABASE_URL",
    "AETHERIS_TOKEN",
}
_OURS_TOO = {"DJANGO_SETTINGS_MODULE", "PYTHONPATH"}
DEFAULT_PORT = "8080"


@dataclass(frozen=True)
class Place:
    """One stack's place.

    Args:
        root: the checkout, working directory of every process.
        folder: of its pid files and logs.
        var: of the embedded default's state, and of local.json.
        port: of the API, on 127.0.0.1.
        env: what every process gets as its environment.
    """

    root: Path
    folder: Path
    var: Path
    port: int
    env: Mapping[str, str] = field(repr=False)

    @property
    def url(self) -> str:
        """The API's address."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def is_dev(self) -> bool:
        """Whether it is the development profile, which brings users and a payment service."""
        return (self.env.get("AETHERIS_PROFILE", "").strip() or "dev") == "dev"

    @property
    def host(self) -> str:
        """A host name that the API accepts."""
        allowed = [name.strip() for name in self.env.get("AETHERIS_ALLOWED_HOSTS", "").split(",")]
        named = [name for name in allowed if name and not name.startswith(("*", "."))]
        return "127.0.0.1" if not named or "127.0.0.1" in named else named[0]

    @property
    def digest(self) -> str:
        """What the processes' behaviour depends on, as one number; no secret can be read from it."""
        relevant = {name: value for name, value in self.env.items() if value.strip() and _concerns(name)}
        text = json.dumps({**relevant, "PORT": str(self.port)}, sort_keys=True)
        return sha256(text.encode()).hexdigest()

    def of_part(self, name: str) -> dict[str, str]:
        """The environment of one process."""
        mine = {STACK: str(self.folder), PART: name, "PORT": str(self.port), "PYTHONUNBUFFERED": "1"}
        return {"DJANGO_SETTINGS_MODULE": "aetheris_site.settings", **self.env, **mine}

    def with_env(self, **more: str) -> Place:
        """The same place with more in its environment."""
        return replace(self, env={**self.env, **more})

    def shown(self, path: Path) -> str:
        """A path as the reader would type it from the checkout."""
        return str(path.relative_to(self.root)) if path.is_relative_to(self.root) else str(path)


def of_checkout(env: Mapping[str, str], root: Path = ROOT) -> Place:
    """The place that `make run` means.

    Args:
        env: the caller's environment.
        root: the checkout.

    Raises:
        StackError: PORT is no port.
    """
    var = root / (env.get("AETHERIS_VAR", "").strip() or "var")
    return Place(root=root, folder=root / "bin", var=var, port=_port(env), env=dict(env))


def _port(env: Mapping[str, str]) -> int:
    text = env.get("PORT", "").strip() or DEFAULT_PORT
    if not (text.isascii() and text.isdigit() and 0 < int(text) < 65536):
        raise StackError(
            f"PORT={text!r} is no port: write a number from 1 to 65535, as in `PORT=8090 make run`"
        )
    return int(text)


def _concerns(name: str) -> bool:
    return name in _OURS_TOO or (name.startswith("AETHERIS_") and name not in _NOT_OURS)
