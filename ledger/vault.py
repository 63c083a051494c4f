"""Where secrets are read from, who may read them, and what keeps them out of everything that is written down.

`AETHERIS["SECRETS"] = {"stripe": {"from": "env:STRIPE_KEY", "tools": ["charge"]}}`. A value is read directly before the
call that needs it, and is not kept but for one purpose: whatever this process writes afterwards is searched for it.
"""

from __future__ import annotations

import base64
import json
import os
import re
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from importlib import import_module
from pathlib import Path
from typing import Any
from urllib.parse import quote, quote_plus

from ledger.canonical import canonical
from ledger.references import NAME, mentioned, replaced

SHORTEST = 8
KEPT = 10_000  # values that are searched for; the oldest goes first
_OPTIONS = {"from", "tools", "tenants"}


class SecretUnavailable(Exception):
    """A reference cannot be read, or not by this tool: nothing was called. It names the reference, never a value."""

    def __init__(self, code: str, message: str, *, permanent: bool = True) -> None:
        super().__init__(message)
        self.code = code
        self.permanent = permanent


@dataclass(frozen=True)
class Source:
    """Where one secret is, and for whom."""

    name: str
    where: str
    tools: tuple[str, ...]
    tenants: tuple[str, ...]

    def admits(self, tool: str, tenant: str) -> bool:
        return _any(self.tools, tool) and _any(self.tenants, tenant)


@dataclass(frozen=True)
class Revealed:
    """Arguments with their secrets in place, and the secrets; for the call and for nothing else."""

    args: Mapping[str, Any]
    values: frozenset[str]

    def __repr__(self) -> str:
        return f"<arguments with {len(self.values)} secrets>"


def _any(patterns: Iterable[str], name: str) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in patterns)


_sources: dict[str, Source] = {}
_known: dict[str, str] = {}
_pattern: re.Pattern[str] | None = None
_lock = threading.Lock()


def configure(settings: Mapping[str, Any]) -> None:
    """Take the secrets from settings; what an earlier call configured is replaced as a whole.

    Args:
        settings: `{name: {"from": "env:NAME" | "file:PATH" | "package.module:callable", "tools": [pattern, …],
            "tenants": [pattern, …]}}`; `tools` says which tools may read it (`["*"]`: all), `tenants` whose jobs
            (left out: all). The callable is given the name.

    Raises:
        ValueError: a name, option or place that cannot be meant; nothing is changed then.
    """
    made = {name: _source(name, given) for name, given in settings.items()}
    with _lock:
        _sources.clear()
        _sources.update(made)


def _source(name: Any, given: Any) -> Source:
    what = f"secret {name!r}"
    if not isinstance(name, str) or not NAME.fullmatch(name):
        raise ValueError(f"{what}: its name is 1 to 120 letters, digits, '_', '.' or '-'")
    if not isinstance(given, Mapping) or not isinstance(given.get("from"), str) or not given.get("tools"):
        raise ValueError(
            f'{what}: write {{"from": "env:NAME", "tools": ["tool", …]}}; without `tools` no tool may read it'
        )
    if unknown := sorted(set(given) - _OPTIONS):
        raise ValueError(f"{what}: unknown option {', '.join(map(repr, unknown))}")
    form, colon, rest = given["from"].partition(":")
    if not colon or not form or not rest:
        raise ValueError(f"{what}: `from` is env:NAME, file:PATH or package.module:callable")
    lists = [given["tools"], given.get("tenants", ["*"])]
    if any(isinstance(each, str) or not all(isinstance(one, str) for one in each) for each in lists):
        raise ValueError(f"{what}: `tools` and `tenants` are lists of names or patterns")
    return Source(name, given["from"], tuple(lists[0]), tuple(lists[1]))


def read(name: str, *, tool: str, tenant: str) -> str:
    """The value of a secret, for one call of one tool. From now on it is searched for in all that is written down.

    Raises:
        SecretUnavailable: it is not configured, not for this tool or tenant, or cannot be read now.
    """
    source = _sources.get(name)
    if source is None:
        raise SecretUnavailable(
            "secret_unknown",
            f"tool {tool} was not called: there is no secret {name!r}; add it under AETHERIS['SECRETS'] of the workers",
        )
    if not source.admits(tool, tenant):
        raise SecretUnavailable(
            "secret_not_allowed",
            f"tool {tool} was not called: it may not read the secret {name!r} for tenant {tenant!r}; "
            "AETHERIS['SECRETS'] says which tools and tenants may",
        )
    value = _value(source, tool)
    remember(name, value)
    return value


def _value(source: Source, tool: str) -> str:
    """What the source gives. No error repeats what it was given: that may be the secret."""
    begin = f"tool {tool} was not called: the secret {source.name!r}"
    form, _, rest = source.where.partition(":")
    try:
        given = _given(form, rest, source.name)
    except Exception as error:  # a provider of the host's may raise anything, and say the secret in it
        raise SecretUnavailable(
            "secret_unavailable",
            f"{begin} cannot be read from {form}: {type(error).__name__}",
            permanent=False,
        ) from None
    if not isinstance(given, str) or not given.strip():
        raise SecretUnavailable("secret_unavailable", f"{begin} is empty at {form}", permanent=False)
    value = given.strip("\r\n")
    if len(value) < SHORTEST:
        raise SecretUnavailable(
            "secret_too_short",
            f"{begin} has fewer than {SHORTEST} characters, so it could not be told from ordinary text in a result",
        )
    return value


def _given(form: str, rest: str, name: str) -> Any:
    if form == "env":
        return os.environ.get(rest)
    if form == "file":
        return Path(rest).read_text(encoding="utf-8")
    reader: Callable[[str], Any] = getattr(import_module(form), rest)
    return reader(name)


def wanted(args: Mapping[str, Any]) -> bool:
    """Whether arguments hold a reference."""
    return mentioned(canonical(args))


def revealed(args: Mapping[str, Any], *, tool: str, tenant: str) -> Revealed:
    """Arguments with every reference replaced by its secret; made directly before the call, dropped after it.

    Raises:
        SecretUnavailable: as for `read`; nothing was called.
    """
    if not wanted(args):
        return Revealed(args, frozenset())
    values: dict[str, str] = {}

    def value_of(name: str) -> str:
        if name not in values:
            values[name] = read(name, tool=tool, tenant=tenant)
        return values[name]

    return Revealed(replaced(args, value_of), frozenset(values.values()))


# --- kept out of what is written down --------------------------------------------------------------------


def remember(name: str, value: str) -> None:
    """From now on, whatever this process writes down has `[masked:name]` in the place of the value."""
    global _pattern
    with _lock:
        if _known.get(value) == name:
            return
        for form in _forms(value):
            _known[form] = name
        while len(_known) > KEPT:
            del _known[next(iter(_known))]
        longest_first = sorted(_known, key=len, reverse=True)
        _pattern = re.compile("|".join(map(re.escape, longest_first)))


def _forms(value: str) -> list[str]:
    """The value as it may come back: itself, its lines, quoted for URLs and JSON, in base64."""
    raw = value.encode("utf-8", "surrogatepass")
    lines = [line.strip() for line in value.splitlines() if len(line.strip()) >= 2 * SHORTEST]
    coded = [base64.b64encode(raw).decode().rstrip("="), base64.urlsafe_b64encode(raw).decode().rstrip("=")]
    quoted = [quote(raw, safe=""), quote_plus(raw), json.dumps(value)[1:-1], repr(value)[1:-1]]
    return list(dict.fromkeys([*coded, *quoted, *lines, value]))


def hidden_text(text: str) -> str:
    """The text with `[masked:name]` in the place of every secret that this process has read."""
    pattern = _pattern
    return (
        text
        if pattern is None
        else pattern.sub(lambda found: f"[masked:{_known.get(found[0], 'known')}]", text)
    )


def hidden(value: Any) -> Any:
    """The same for every text, number and name in a JSON value; without any, the value itself."""
    pattern = _pattern
    if pattern is None:
        return value
    try:
        if not pattern.search(json.dumps(value, ensure_ascii=False)):
            return value
    except (TypeError, ValueError, RecursionError):
        return value  # no JSON: what is stored of it is text, which is searched on its own
    return _hidden(value)


def _hidden(value: Any) -> Any:
    if isinstance(value, str):
        return hidden_text(value)
    if isinstance(value, Mapping):
        return {hidden_text(key): _hidden(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_hidden(item) for item in value]
    if (
        isinstance(value, (int, float))
        and not isinstance(value, bool)
        and hidden_text(repr(value)) != repr(value)
    ):
        return hidden_text(repr(value))
    return value


def forget() -> None:
    """Forget every value that was read: for tests."""
    global _pattern
    with _lock:
        _known.clear()
        _pattern = None
