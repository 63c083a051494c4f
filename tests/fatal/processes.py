"""Handles on real worker processes: to watch, kill, stop and continue them."""

from __future__ import annotations

import json
import os
import signal
import socket
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import psutil

from tests.processes import Leashed

ROOT = Path(__file__).parents[2]
SECONDS = 120.0
AGENTS = ",".join(
    [
        *(
            f"tests.fatal.{each}"
            for each in (
                "agents",
                "agents_of_two",
                "agents_of_time",
                "killers",
                "sagas",
                "undoing",
                "lasting",
            )
        ),
        "jobs.notify.work",  # as NOTIFY does, which is read only after the fork
    ]
)


class Running:
    """One process of the nursery."""

    def __init__(self, pid: int, log: Path) -> None:
        self.pid, self.log = pid, log

    @property
    def alive(self) -> bool:
        """Whether it exists, stopped or not."""
        return psutil.pid_exists(self.pid)

    @property
    def stopped(self) -> bool:
        """Whether it stands still by SIGSTOP."""
        return self.alive and psutil.Process(self.pid).status() == psutil.STATUS_STOPPED

    @property
    def said(self) -> str:
        """What it has printed."""
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    def send(self, number: signal.Signals) -> None:
        """Send it a signal."""
        os.kill(self.pid, number)

    def kill(self) -> None:
        """End it by SIGKILL, if it has not ended, and wait until it is gone."""
        with suppress(ProcessLookupError):  # it has ended, perhaps this very moment
            self.send(signal.SIGKILL)
        until(lambda: not self.alive, what=f"the end of process {self.pid}")


class Nursery:
    """Starts processes by forking one that is warm."""

    def __init__(self, folder: Path, *, agents: str = AGENTS) -> None:
        self._address = folder / "nursery.sock"
        env = {**os.environ, "PYTHONPATH": str(ROOT), "AETHERIS_AGENTS": agents}
        command = [sys.executable, "-m", "tests.fatal.nursery", str(self._address)]
        self._process = Leashed(command, log=folder / "nursery.log", env=env, cwd=ROOT)
        until(lambda: self._address.exists() or self._process.returncode is not None, what="the nursery")

    def start(self, module: str, args: Sequence[str], *, env: Mapping[str, str], log: Path) -> Running:
        """Start `python -m module args…`."""
        order = {"module": module, "args": list(args), "env": dict(env), "log": str(log)}
        with socket.socket(socket.AF_UNIX) as line:
            line.settimeout(SECONDS)
            line.connect(str(self._address))
            line.sendall(json.dumps(order).encode() + b"\n")
            with line.makefile() as answer:
                return Running(int(answer.readline()), log)

    def close(self) -> None:
        """End it and whatever it started."""
        self._process.kill()


def until(
    holds: Callable[[], bool],
    *,
    what: str,
    meanwhile: Callable[[], object] = lambda: None,
    told: Callable[[], str] = lambda: "",
    seconds: float = SECONDS,
) -> None:
    """Wait for a condition, doing something meanwhile.

    Raises:
        AssertionError: it did not come true in time; with what `told` says.
    """
    give_up = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > give_up:
            raise AssertionError(f"waited {seconds:g} s in vain for {what}\n{told()}")
        meanwhile()
        time.sleep(0.01)
