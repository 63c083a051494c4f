"""What the interpreter does not report: readings of clock, dice and environment, seen as calls of C functions.

Names are no help: `from time import time` binds before anybody watches. So the calls themselves are looked at.
"""

from __future__ import annotations

import os
import random
from collections.abc import Callable
from datetime import date
from types import FrameType
from typing import Any

from .frames import directly
from .reports import CLOCK, DICE, ENVIRONMENT, FILES, THREADS

Judge = Callable[[Any, FrameType], str]
_dice = random._inst  # behind random.random, random.choice and the others
_ENVIRONMENT = frozenset(
    getattr(type(os.environ), name).__code__ for name in ("__getitem__", "__iter__", "__len__", "copy") if hasattr(type(os.environ), name)
)  # fmt: skip
_PATIENT = frozenset({"threading", "queue", "concurrent", "selectors", "subprocess", "multiprocessing"})
_SEED = random.Random.seed.__code__


def _of(module: str, what: str) -> Judge:
    return lambda function, frame: what if function.__module__ == module else ""


def _clock(function: Any, frame: FrameType) -> str:
    """A clock; what a lock or a queue takes for its own patience is not told, what it waits for is."""
    if function.__module__ != "time" or frame.f_globals.get("__name__", "").partition(".")[0] in _PATIENT:
        return ""
    return CLOCK


def _today(function: Any, frame: FrameType) -> str:
    owner = getattr(function, "__self__", None)
    return CLOCK if isinstance(owner, type) and issubclass(owner, date) else ""


def _thrown(function: Any, frame: FrameType) -> str:
    return DICE if getattr(function, "__self__", None) is _dice else ""


def _seeded(function: Any, frame: FrameType) -> str:
    """A die of one's own is as good as its seed; without one it comes from the system."""
    own = frame.f_code is _SEED and frame.f_locals.get("a") is None
    return DICE if own and isinstance(getattr(function, "__self__", None), random.Random) else ""


def _here(function: Any, frame: FrameType) -> str:
    return ENVIRONMENT if function.__module__ in ("posix", "nt") and directly(frame) else ""


def _either(*judges: Judge) -> Judge:
    return lambda function, frame: next((found for judge in judges if (found := judge(function, frame))), "")


JUDGES: dict[str, Judge] = {
    **dict.fromkeys(
        ("time", "time_ns", "monotonic", "monotonic_ns", "perf_counter", "perf_counter_ns", "process_time", "process_time_ns",
         "thread_time", "thread_time_ns", "clock_gettime", "clock_gettime_ns", "sleep"), _clock),
    **dict.fromkeys(("now", "utcnow", "today"), _today),
    **dict.fromkeys(("random", "getrandbits", "setstate"), _thrown),
    "seed": _either(_thrown, _seeded),
    **dict.fromkeys(("urandom", "getrandom"), _either(_of("posix", DICE), _of("nt", DICE))),
    **dict.fromkeys(("generate_time_safe", "UuidCreate"), _of("_uuid", DICE)),
    **dict.fromkeys(("start_new_thread", "start_joinable_thread"), _of("_thread", THREADS)),
    **dict.fromkeys(("stat", "lstat", "access", "readlink"), _either(_of("posix", FILES), _of("nt", FILES))),
    **dict.fromkeys(("getpid", "getppid", "getcwd", "cpu_count", "getlogin", "uname", "getuid", "times", "getloadavg"), _here),
}  # fmt: skip


def meaning_of(frame: FrameType, event: str, arg: Any) -> tuple[str, str]:
    """What a step of the interpreter reads.

    Args:
        frame: where it stands; event: `call` of a Python function, `c_call` of a C function; arg: the C function.

    Returns:
        What it reads and the name of the function; empty for everything else.
    """
    if event == "c_call":
        name = arg.__name__
        judge = JUDGES.get(name)
        return (judge(arg, frame), _named(arg, name)) if judge is not None else ("", "")
    if event == "call" and frame.f_code in _ENVIRONMENT and _asks(frame.f_back):
        return ENVIRONMENT, "os.environ"
    return "", ""


def _asks(frame: FrameType | None) -> bool:
    """Whether an agent's own line reads the environment; a library that does so reads its settings."""
    while frame is not None and frame.f_globals.get("__name__") in (
        "os",
        "collections.abc",
        "_collections_abc",
    ):
        frame = frame.f_back
    return directly(frame)


def _named(function: Any, name: str) -> str:
    owner = getattr(function, "__self__", None)
    if isinstance(owner, type):
        return f"{owner.__module__}.{owner.__qualname__}.{name}"
    if owner is _dice or isinstance(owner, random.Random):
        return f"random.{name}"
    return f"{'os' if function.__module__ in ('posix', 'nt') else function.__module__}.{name}"
