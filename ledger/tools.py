"""What a tool declares about itself: the `@tool` decorator and the registry of tools."""

from __future__ import annotations

import difflib
import inspect
import re
import threading
from collections.abc import Callable
from typing import Any, NoReturn, cast, overload

from ledger.compensation import SECONDS, Compensation, positive
from ledger.declared import AS_LONG_AS_THE_LEASE_ALLOWS, Effect, Function, Tool
from ledger.outcomes import Absent, Landed, NotLanded, ToolCall, Unknown
from ledger.rate import Rate
from ledger.retry import Retry
from ledger.schema import BadArguments, BadSignature, check_signature

__all__ = [
    "Absent", "BadArguments", "BadSignature", "Compensation", "DuplicateTool", "Effect", "Landed", "NotLanded",
    "Tool", "ToolCall", "Unknown", "UnknownTool", "all_tools", "get_tool", "register", "tool",
]  # fmt: skip

NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,119}")
EFFECTS = ("pure", "idempotent", "at_most_once", "transactional")
STORE = "default"  # the database alias of the store
UNSAID = object()


class DuplicateTool(ImportError):
    """Two functions claim one tool name; the message names both places."""


class UnknownTool(LookupError):
    """No tool of that name is registered."""

    code = "unknown_tool"


@overload
def tool(fn: Function, /) -> Tool: ...
@overload
def tool(
    *,
    effect: Effect = "at_most_once",
    name: str | None = None,
    timeout: float | str = 60,
    retry: Retry | None = None,
    requires: tuple[str, ...] | list[str] = (),
    rate: str | None = None,
    key: Function | None = None,
    version: str = "1",
    description: str | None = None,
    using: str | None = None,
) -> Callable[[Function], Tool]: ...
def tool(fn: Function | None = None, /, **options: Any) -> Tool | Callable[[Function], Tool]:
    """Register a function as a tool, bare (`@tool`) or with options (`@tool(effect="pure")`).

    Args:
        fn: the function, when used without brackets.
        options: `effect` (`"pure"`, `"idempotent"`, `"at_most_once"`, `"transactional"`), `name` (default:
            the function's), `timeout` of one attempt (60 seconds; of a transactional tool what its lease
            allows), `retry`, `requires` (capabilities of the worker), `key` (arguments -> business key),
            `version`, `description` (default: the first paragraph of the docstring), `rate` ("10/s", per
            tenant), `using` (of a transactional tool: the database, which can only be the store's own).

    Returns:
        The `Tool`.

    Raises:
        ValueError: an option is out of range, or does not go with the effect.
        DuplicateTool: another function has the name.
        BadSignature: the function takes `*args` or positional-only parameters.
    """
    if fn is None:
        return lambda function: register(_made(function, **options))
    return register(_made(fn, **options))


def _made(
    fn: Function,
    *,
    effect: str = "at_most_once",
    name: str | None = None,
    timeout: object = UNSAID,
    retry: Retry | None = None,
    requires: tuple[str, ...] | list[str] = (),
    rate: str | None = None,
    key: Function | None = None,
    version: str = "1",
    description: str | None = None,
    using: str | None = None,
) -> Tool:
    if not inspect.isroutine(fn):
        raise ValueError(
            f"@tool decorates a function, not {fn!r}; options are given by name: @tool(effect=...)"
        )
    name = fn.__name__ if name is None else name
    _check_name(name, f"tool name of {_place(fn)}")
    what = f"tool {name!r}"
    _check_effect(what, effect, fn, using)
    _check_forms(what, retry, key, version)
    check_signature(fn, ("call",), what)
    return Tool(
        name=name,
        fn=fn,
        effect=cast(Effect, effect),
        timeout=_timeout(timeout, what, effect),
        retry=retry or Retry(),
        requires=_capabilities(requires, what),
        rate=None if rate is None else Rate.parse(rate, what),
        key=key,
        version=version,
        description=_first_paragraph(fn) if description is None else description,
    )


def _check_forms(what: str, retry: object, key: object, version: object) -> None:
    if retry is not None and not isinstance(retry, Retry):
        raise ValueError(f"{what}: retry is {retry!r}, it must be a Retry(...)")
    if key is not None and not callable(key):
        raise ValueError(f"{what}: key is {key!r}, it must be a function of the arguments")
    if not isinstance(version, str) or not version:
        raise ValueError(f"{what}: version is {version!r}, it must be text such as '1'")


def _check_effect(what: str, effect: str, fn: Function, using: str | None) -> None:
    if effect not in EFFECTS:
        raise ValueError(f"{what}: effect is {effect!r}, it must be one of {', '.join(EFFECTS)}")
    if effect != "transactional":
        if using is not None:
            raise ValueError(f"{what}: using= belongs to effect='transactional', not to {effect!r}")
        return
    if inspect.iscoroutinefunction(fn) or inspect.isasyncgenfunction(fn):
        raise ValueError(
            f"{what}: a transactional tool runs in the thread that owns the transaction; write `def`, not `async def`"
        )
    if using not in (None, STORE):
        raise ValueError(
            f"{what}: using={using!r}; a transactional tool writes to the store's own database, {STORE!r}, where its "
            "outcome is written too. Use effect='at_most_once' or 'idempotent' for another one"
        )


def _check_name(text: object, what: str) -> None:
    if not isinstance(text, str) or not NAME.fullmatch(text):
        raise ValueError(
            f"{what} is {text!r}; use 1 to 120 of A-Z a-z 0-9 _ . - and begin with a letter, a digit or _"
        )


def _timeout(timeout: object, what: str, effect: str) -> float:
    if timeout is UNSAID:
        return AS_LONG_AS_THE_LEASE_ALLOWS if effect == "transactional" else SECONDS
    return positive(cast(Any, timeout), what)


def _capabilities(requires: object, what: str) -> tuple[str, ...]:
    if not isinstance(requires, (tuple, list, set, frozenset)):
        raise ValueError(
            f"{what}: requires is {requires!r}, it must be a list of capabilities: requires=['gpu']"
        )
    for each in requires:
        _check_name(each, f"capability in requires= of {what}")
    return tuple(sorted(set(requires)))


def _first_paragraph(fn: Function) -> str:
    return " ".join((inspect.getdoc(fn) or "").split("\n\n")[0].split())


_tools: dict[str, Tool] = {}
_lock = threading.Lock()


def register(made: Tool) -> Tool:
    """Put a tool into the registry. A module imported again replaces its own tools.

    Returns:
        The same tool.

    Raises:
        DuplicateTool: a different function has the name.
    """
    with _lock:
        old = _tools.get(made.name)
        if old is not None and not _is_reimport(old.fn, made.fn):
            raise DuplicateTool(
                f"tool {made.name!r} is defined twice: at {_place(old.fn)} and at {_place(made.fn)}; "
                "rename one, or give it name="
            )
        _tools[made.name] = made
    return made


def get_tool(name: str) -> Tool:
    """Find a tool by name.

    Raises:
        UnknownTool: nothing has the name; the message lists near ones.
    """
    found = _tools.get(name)
    if found is not None:
        return found
    with _lock:
        known = sorted(_tools)
    return _unknown(name, known)


def all_tools() -> dict[str, Tool]:
    """Every registered tool by name, in the order of names."""
    with _lock:
        return {name: _tools[name] for name in sorted(_tools)}


def _unknown(name: str, known: list[str]) -> NoReturn:
    near = difflib.get_close_matches(name, known, n=3, cutoff=0.5)
    hint = (
        f"did you mean {', '.join(near)}?" if near else "import the module that defines it (AETHERIS_AGENTS)"
    )
    raise UnknownTool(f"no tool named {name!r} is registered; {hint}")


def _is_reimport(old: Function, new: Function) -> bool:
    """Same module and name, and either the very same line or a module that is run anew.

    Two functions of one name in one run of a module are a mistake, not a re-import; a run has its
    own module spec.
    """
    old, new = inspect.unwrap(old), inspect.unwrap(new)
    if (old.__module__, old.__qualname__) != (new.__module__, new.__qualname__):
        return False
    same_run = _spec(old) is _spec(new)
    return not same_run or _line(old) == _line(new)


def _spec(fn: Function) -> object:
    return getattr(fn, "__globals__", {}).get("__spec__")


def _line(fn: Function) -> int | None:
    code = getattr(fn, "__code__", None)
    return code.co_firstlineno if code else None


def _place(fn: Function) -> str:
    code = getattr(inspect.unwrap(fn), "__code__", None)
    where = f" ({code.co_filename}:{code.co_firstlineno})" if code else ""
    return f"{fn.__module__}.{fn.__qualname__}{where}"
