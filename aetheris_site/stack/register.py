"""The register of a stack: its pid files, and the settings and births of what runs."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from . import processes
from .place import Place
from .processes import Running
from .say import Say

SETTINGS = "settings.json"
LOCK = "stack.lock"


@dataclass(frozen=True)
class Register:
    """What was written down when a stack was started.

    Args:
        digest: of the settings it runs under; empty if nothing is known.
        payments: address of the payment service that its tools talk to.
        births: part -> (pid, when it began).
    """

    digest: str = ""
    payments: str = ""
    births: Mapping[str, tuple[int, float]] = field(default_factory=dict)


def read(place: Place) -> Register:
    """The register as it was left; an empty one if it is missing or spoiled, for the marks still tell."""
    try:
        data: Any = json.loads((place.folder / SETTINGS).read_text())
        births = {name: (int(pid), float(born)) for name, (pid, born) in data["births"].items()}
        return Register(str(data["digest"]), str(data["payments"]), births)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return Register()


def write(place: Place, running: Mapping[str, Running], *, payments: str) -> None:
    """Write down what runs, and a pid file for each part."""
    births = {name: (each.pid, each.born) for name, each in running.items()}
    text = json.dumps({"digest": place.digest, "payments": payments, "births": births}, indent=2)
    _replace(place.folder / SETTINGS, text + "\n")
    for name, each in running.items():
        _replace(pid_file(place, name), f"{each.pid}\n")


def forget(place: Place) -> None:
    """Remove the pid files and the register."""
    for path in (*place.folder.glob("*.pid"), place.folder / SETTINGS):
        path.unlink(missing_ok=True)


def living(place: Place) -> dict[str, Running]:
    """What runs of this stack, by part.

    A pid counts only with the birth beside it: a pid file may name a program that has nothing to do with us.
    """
    found: dict[str, Running] = {}
    for name, (pid, born) in read(place).births.items():
        process = processes.known(pid, born)
        if process is not None:
            found[name] = Running(name, process)
    return found


def strays(place: Place, living: Mapping[str, Running]) -> list[Running]:
    """What a part that runs no more has left behind: its children, or itself if its pid file was lost."""
    marked = processes.marked(place.folder)
    return [Running(name, process) for name, process in marked if name not in living]


def pid_file(place: Place, name: str) -> Path:
    """Where a part's pid stands."""
    return place.folder / f"{name}.pid"


@contextmanager
def locked(place: Place, say: Say) -> Iterator[None]:
    """Hold the stack alone: two commands at once would start everything twice."""
    place.folder.mkdir(parents=True, exist_ok=True)
    handle = os.open(place.folder / LOCK, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("Another `make run` or `make stop` is at work in this checkout; waiting for it.")
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _replace(path: Path, text: str) -> None:
    draft = path.with_suffix(f"{path.suffix}.{os.getpid()}")
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w") as file:
        file.write(text)
    draft.replace(path)
