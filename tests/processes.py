"""A real process on a leash: it, and the folder it wrote to, go when whoever started it goes, however that ends."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import psutil

# A shell of its own session that waits for one line. "done" lets the process be; the end of the pipe without
# it means that the starter is gone, even by SIGKILL, and then the whole group and its folder go too.
_GUARD = 'read -r word; [ "$word" = done ] || { kill -s KILL -- "-$1"; [ -z "$2" ] || rm -rf -- "$2"; }'


class Leashed:
    """A child process in a group of its own, guarded against being left behind.

    Args:
        args: the command; never a shell text.
        log: the file that takes its output (appended).
        env: its environment; the caller's when left out.
        cwd: its working directory; the caller's when left out.
        user: the user it runs as (only root may name one).
        folder: removed by the guard if the starter dies without `stop` or `kill`.

    Raises:
        OSError: the command cannot be started.
    """

    def __init__(
        self,
        args: Sequence[str | Path],
        *,
        log: Path,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        user: str | None = None,
        folder: Path | None = None,
    ) -> None:
        self.args = [str(arg) for arg in args]
        self.log = log
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                self.args,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=None if env is None else dict(env),
                cwd=cwd,
                user=user,
                start_new_session=True,
            )
        self._guard = subprocess.Popen(
            ["/bin/sh", "-c", _GUARD, "guard", str(self.pid), str(folder or "")],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    @property
    def pid(self) -> int:
        """The process id, which is its group's too."""
        return self._process.pid

    @property
    def returncode(self) -> int | None:
        """How it ended, or None while it runs."""
        return self._process.poll()

    def tail(self, lines: int = 20) -> str:
        """The last lines that it printed."""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])

    def send(self, number: signal.Signals) -> None:
        """Send one signal to the process itself."""
        self._process.send_signal(number)

    def send_to_all(self, number: signal.Signals) -> None:
        """Send one signal to the process, and then to each of its descendants."""
        self.send(number)
        for each in psutil.Process(self.pid).children(recursive=True):
            with suppress(psutil.NoSuchProcess):
                each.send_signal(number)

    def wait(self, seconds: float) -> int:
        """Wait for its end.

        Returns:
            Its exit code; negative is the signal that ended it.

        Raises:
            subprocess.TimeoutExpired: it still runs after that many seconds.
        """
        code = self._process.wait(seconds)
        self._release()
        return code

    def stop(self, *, by: signal.Signals = signal.SIGTERM, grace: float = 20) -> int:
        """Ask it to end; after `grace` seconds kill it and its children."""
        if self.returncode is None:
            self.send(by)
        try:
            return self.wait(grace)
        except subprocess.TimeoutExpired:
            return self.kill()

    def kill(self) -> int:
        """End it and every descendant at once by SIGKILL, as a power cut would, and wait until all are gone."""
        if self.returncode is None:
            self.send(signal.SIGSTOP)  # so that it starts no further child while we count them
            family = psutil.Process(self.pid).children(recursive=True)
            os.killpg(self.pid, signal.SIGKILL)
            for child in family:
                _kill(child)
            _wait_until_dead(family, seconds=20)
        return self.wait(20)

    def _release(self) -> None:
        if self._guard.returncode is not None:
            return
        self._guard.communicate(b"done\n", timeout=20)


def _kill(process: psutil.Process) -> None:
    try:
        process.kill()
    except psutil.NoSuchProcess:
        return  # it went with its group


def _wait_until_dead(family: Sequence[psutil.Process], *, seconds: float) -> None:
    """Return when none of them runs; a zombie is dead, however slowly its new parent buries it."""
    give_up = time.monotonic() + seconds
    while living := [process for process in family if _lives(process)]:
        if time.monotonic() > give_up:
            raise TimeoutError(f"still running {seconds:g} s after SIGKILL: {living}")
        time.sleep(0.005)


def _lives(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
