"""Whose doing it is: the line of an agent's code from which something outside was reached, if it was one.

The stack is walked outward from the call. The runtime's own frames are the border: what it does by itself, and what an
import, a log line or a finaliser does, is nobody's breach of the step contract.
"""

from __future__ import annotations

import gc
import inspect
import os
import site
import sysconfig
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from types import FrameType
from typing import Any

RUNTIME, EXEMPT, STDLIB, LIBRARY, AGENT = range(5)
_HOME = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
_RUNTIME = tuple(os.path.join(_HOME, name, "") for name in ("jobs", "ledger", "forensics", "aetheris_site"))
_STDLIB = tuple(
    {os.path.join(sysconfig.get_path(name), "") for name in ("stdlib", "platstdlib")}
)  # fmt: skip
_LIBRARIES = tuple(
    {os.path.join(path, "") for path in (*site.getsitepackages(), site.getusersitepackages(), sysconfig.get_path("purelib"))}
)  # fmt: skip
# Modules of the standard library that look at files, clock or environment on their own account.
_ON_THEIR_OWN = (
    "importlib", "logging", "encodings", "zoneinfo", "warnings.py", "linecache.py", "traceback.py", "tokenize.py", "inspect.py",
    "locale.py", "gettext.py", "weakref.py", "_strptime.py", "codecs.py",
)  # fmt: skip
_installed: set[str] = set()
_FINALISERS = frozenset({"__del__"})


@dataclass(frozen=True, slots=True)
class Place:
    """A line of agent code, and the function of a library that it called there, if there is one between."""

    file: str
    line: int
    function: str
    called: str = ""

    def __str__(self) -> str:
        return f"{self.file}:{self.line} in {self.function}" if self.file else ""


NOWHERE = Place("", 0, "")


@lru_cache(4096)
def whose(file: str) -> int:
    """Whose code a file is: the runtime's, the standard library's, a library's, or an agent's."""
    if file.startswith("<"):
        return (
            EXEMPT
            if file.startswith("<frozen importlib")
            else STDLIB
            if file.startswith("<frozen")
            else LIBRARY
        )
    if file.startswith(_RUNTIME):
        return RUNTIME
    if file.startswith(_LIBRARIES):
        return AGENT if file.startswith(tuple(_installed)) else LIBRARY
    for home in _STDLIB:
        if file.startswith(home):
            return EXEMPT if file[len(home) :].startswith(_ON_THEIR_OWN) else STDLIB
    return AGENT


def is_an_agents(fn: Callable[..., Any]) -> None:
    """Know the code of a planner or workflow for an agent's, also where it is installed as a library."""
    file = getattr(getattr(inspect.unwrap(fn), "__code__", None), "co_filename", "")
    if whose(file) != LIBRARY or file.startswith("<"):
        return
    home = next(each for each in _LIBRARIES if file.startswith(each))
    _installed.add(home + file[len(home) :].partition(os.sep)[0])
    whose.cache_clear()


def directly(frame: FrameType | None) -> bool:
    """Whether the call stands in an agent's code, not in a library that it uses."""
    return frame is not None and whose(frame.f_code.co_filename) == AGENT


def place_of(frame: FrameType | None, *, from_runtime: bool = False) -> Place | None:
    """The agent's line from which a call came.

    Args:
        frame: where the call stands.
        from_runtime: look beyond the runtime's own innermost frames; for what the runtime itself reports.

    Returns:
        None where it came from no agent.
    """
    while from_runtime and frame is not None and whose(frame.f_code.co_filename) == RUNTIME:
        frame = frame.f_back
    found: Place | None = None
    below: FrameType | None = None
    while frame is not None:
        kind = whose(frame.f_code.co_filename)
        if kind == RUNTIME:
            break
        if kind == EXEMPT or frame.f_code.co_name in _FINALISERS or _collects(frame):
            return None
        if kind == AGENT and found is None:
            found = _place(frame, below)
        below, frame = frame, frame.f_back
    return found


def _collects(frame: FrameType) -> bool:
    """Whether it is what somebody hung on the garbage collector, which runs wherever memory happens to be short."""
    return any(getattr(each, "__code__", None) is frame.f_code for each in gc.callbacks)


def _place(frame: FrameType, inner: FrameType | None) -> Place:
    code = frame.f_code
    return Place(code.co_filename, frame.f_lineno, code.co_qualname, "" if inner is None else _called(inner))


def _called(frame: FrameType) -> str:
    return f"{frame.f_globals.get('__name__', '')}.{frame.f_code.co_qualname}".lstrip(".")
