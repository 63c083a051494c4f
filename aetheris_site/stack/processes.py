"""Processes of this machine: who they are, whether they live, and how a whole family of them is ended."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from .place import PART, STACK

_SAME = 2.0  # seconds; a process's birth is told relative to the boot, whose time may be corrected
_POLL = 0.05
_started: list[subprocess.Popen[bytes]] = []  # they outlive whoever holds them, on purpose


@dataclass(frozen=True)
class Running:
    """A living process of a stack.

    Args:
        name: the part it plays.
        process: it.
        child: the same as our own child, whose exit code we learn; None if another program started it.
    """

    name: str
    process: psutil.Process
    child: subprocess.Popen[bytes] | None = field(default=None, repr=False, compare=False)

    @property
    def pid(self) -> int:
        """Its number, which is also its group's and its session's."""
        return self.process.pid

    @property
    def born(self) -> float:
        """When it began: with the pid this names it for ever, as a pid alone does not."""
        return float(self.process.create_time())

    @property
    def lives(self) -> bool:
        """Whether it still runs."""
        return lives(self.process)


def start(
    name: str, command: Sequence[str | Path], *, log: Path, env: Mapping[str, str], cwd: Path
) -> Running:
    """Start a process in the background, in a session of its own, so that no terminal takes it along.

    Raises:
        OSError: it cannot be started.
    """
    with log.open("ab") as output:
        child = subprocess.Popen(
            [str(word) for word in command],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=dict(env),
            cwd=cwd,
            start_new_session=True,
        )
    _started.append(child)
    return Running(name, psutil.Process(child.pid), child)


def lives(process: psutil.Process) -> bool:
    """Whether a process runs; a zombie is dead, however slowly its parent buries it."""
    for child in _started:  # ours are buried here, for others may ask whether their pid is gone
        child.poll()
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def known(pid: int, born: float) -> psutil.Process | None:
    """The living process of that pid and birth; None if it is gone, or the pid is another program's now."""
    try:
        process = psutil.Process(pid)
        same = abs(process.create_time() - born) < _SAME
    except psutil.Error:
        return None
    return process if same and lives(process) else None


def marked(folder: Path) -> Iterator[tuple[str, psutil.Process]]:
    """Every living process that the stack of this folder started, directly or not, with the part's name.

    Found by their environment, so also those whose pid file is lost and children that left their group.
    We ourselves and those we run under are never among them.
    """
    us = {os.getpid(), *(parent.pid for parent in psutil.Process().parents())}
    for process in psutil.process_iter():
        if process.pid in us:
            continue
        try:
            env = process.environ()
        except (psutil.Error, OSError):
            continue  # another user's, or gone: not ours
        if env.get(STACK) == str(folder) and lives(process):
            yield env.get(PART, ""), process


def leads(process: psutil.Process) -> bool:
    """Whether it leads its session, as every part does and none of its children."""
    try:
        return os.getsid(process.pid) == process.pid
    except (ProcessLookupError, PermissionError):
        return False


def ask_to_end(each: Running) -> None:
    """SIGTERM to the process itself; what it started is its own to end."""
    try:
        each.process.terminate()
    except psutil.NoSuchProcess:
        return  # it was faster


def wait_until_gone(group: Iterable[Running], seconds: float) -> list[Running]:
    """Wait for the end of all of them.

    Returns:
        Those that still live after so many seconds.
    """
    give_up = time.monotonic() + seconds
    while (left := [each for each in group if each.lives]) and time.monotonic() < give_up:
        time.sleep(_POLL)
    return left


def kill(process: psutil.Process) -> None:
    """SIGKILL to a process and, if it leads one, to its group."""
    try:
        if leads(process):
            os.killpg(process.pid, signal.SIGKILL)
        process.kill()
    except (psutil.NoSuchProcess, ProcessLookupError):
        return  # it is gone, which is what was wanted
