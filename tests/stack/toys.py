"""Toy parts for a stack: small real processes that end well, badly, late or with children."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import psutil

from aetheris_site.stack.health import Watch
from aetheris_site.stack.parts import Part
from aetheris_site.stack.place import Place
from aetheris_site.stack.processes import Running, wait_until_gone
from aetheris_site.stack.running import Stack

ROOT = Path(__file__).parents[2]
UP = "toy is up"
# They wait for a line that never comes, so they use no time; SIGTERM ends those that do not say otherwise.
PLAIN = f"import signal; print('{UP}', flush=True); signal.pause()"
DEAF = f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('{UP}', flush=True)\nwhile True: signal.pause()"
BROKEN = "import sys; sys.exit('toy has no heart')"
SILENT = "import signal; signal.pause()"
_CHILD = "import signal, subprocess, sys; child = subprocess.Popen([sys.executable, '-c', 'import signal; signal.pause()'], start_new_session={apart}); print('child', child.pid, flush=True); print('{up}', flush=True); signal.pause()"
PARENT = _CHILD.format(apart=False, up=UP)
ESTRANGED = _CHILD.format(apart=True, up=UP)


def part(name: str, script: str, *, grace: float = 20, last: bool = False, port: int = 0) -> Part:
    """A part that runs a script."""
    return Part(name, [sys.executable, "-c", script], says=UP, grace=grace, last=last, port=port)


def place(folder: Path, env: Mapping[str, str] | None = None) -> Place:
    """A place of its own, under this environment."""
    run = folder / "bin"
    run.mkdir(exist_ok=True)
    path = {"PATH": os.environ["PATH"]}
    return Place(root=ROOT, folder=run, var=folder / "var", port=8080, env={**path, **(env or {})})


class Site:
    """One place, and what its stacks have said."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.said = folder, list[str]()

    def stack(
        self,
        *parts: Part,
        ready: Callable[[Watch], None] = lambda watch: None,
        env: Mapping[str, str] | None = None,
    ) -> Stack:
        """A stack of these parts, under this environment."""
        return Stack(place(self.folder, env), parts, self.said.append, ready=ready)

    def pid(self, name: str) -> int:
        """What stands in a pid file."""
        return int((self.folder / "bin" / f"{name}.pid").read_text())

    def kill(self, name: str) -> None:
        """End a part by SIGKILL, as a crash would, and wait until it is gone."""
        each = Running(name, psutil.Process(self.pid(name)))
        each.process.kill()
        assert not wait_until_gone([each], 20)

    def pid_files(self) -> set[str]:
        """Which pid files there are."""
        return {path.stem for path in (self.folder / "bin").glob("*.pid")}

    def child_of(self, name: str) -> int:
        """The pid of a parent's child, as the parent's log tells it."""
        lines = (self.folder / "bin" / f"{name}.log").read_text().splitlines()
        return int(next(line for line in lines if line.startswith("child ")).split()[1])


def bystander() -> subprocess.Popen[bytes]:
    """A process that belongs to no stack."""
    return subprocess.Popen([sys.executable, "-c", SILENT], start_new_session=True)
