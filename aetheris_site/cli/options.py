"""Verb: a command that takes --api, --token, --as and --json too; and the types of values on the line."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any, NoReturn

import click

from .session import Session

_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)?")
_UNITS = {"ms": 0.001, "s": 1.0, None: 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


def _keep(ctx: click.Context, param: click.Parameter, value: Any) -> Any:
    if value not in (None, False):
        ctx.ensure_object(Session).flags[str(param.name)] = value
    return value


def common() -> list[click.Option]:
    """The options that every command takes, also before its name."""
    return [
        click.Option(
            ["--api"], metavar="URL", callback=_keep, expose_value=False, help="Address of the API, like http://127.0.0.1:8080."
        ),
        click.Option(["--token"], callback=_keep, expose_value=False, help="Token to show there."),
        click.Option(
            ["--as", "as"], metavar="NAME", callback=_keep, expose_value=False, help="Local user whose token to take."
        ),
        click.Option(
            ["--json", "json"], is_flag=True, callback=_keep, expose_value=False, help="Print one JSON document."
        ),
    ]  # fmt: skip


class Verb(click.Command):
    """A command with the common options; its help ends with an example."""

    def __init__(self, *args: Any, example: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.params += common()
        self.epilog = f"\b\nExample:\n  {example}"


class Json(click.ParamType[Any]):
    """A JSON value: written out, `@FILE`, or `-` for standard input."""

    name = "JSON"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Read and parse it; a usage error says where it is malformed."""
        if not isinstance(value, str):
            return value
        text = self._text(value, param, ctx)
        try:
            return _Given(json.loads(text, parse_constant=_no_constant, object_pairs_hook=_no_twins))
        except (ValueError, RecursionError) as error:
            self.fail(f"that is no JSON: {error}", param, ctx)

    def _text(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        try:
            if value == "-":
                return sys.stdin.read()
            return Path(value[1:]).read_text("utf-8-sig") if value.startswith("@") else value
        except (OSError, UnicodeDecodeError) as error:
            self.fail(f"cannot read {value!r}: {error}", param, ctx)


class _Given:
    """A parsed value that is never mistaken for an option left out, `null` included."""

    def __init__(self, value: Any) -> None:
        self.value = value


def value_of(given: Any, default: Any = None) -> Any:
    """The JSON that an option gave, else the default."""
    return given.value if isinstance(given, _Given) else default


class Duration(click.ParamType[float]):
    """Seconds, or text such as 250ms, 30s, 5m, 2h, 3d."""

    name = "DURATION"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Give it in seconds."""
        if isinstance(value, float):
            return value
        found = _DURATION.fullmatch(str(value))
        if not found:
            self.fail(f"{value!r} is no duration; write seconds, or 250ms, 30s, 5m, 2h, 3d", param, ctx)
        return float(found[1]) * _UNITS[found[2]]


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON value")


def _no_twins(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) < len(pairs):
        names = [name for name, _ in pairs]
        raise ValueError(
            f"the key {next(name for name in names if names.count(name) > 1)!r} stands there twice"
        )
    return made


JSON = Json()
DURATION = Duration()
