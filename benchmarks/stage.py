"""What the cases stand on: private servers from the wheels, a fresh database per run of an entry, the peers' environment."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
from kombu import Connection

from jobs.celery_defaults import DEFAULT_QUEUE
from tests.servers import Postgres, Valkey

ROOT = Path(__file__).parents[1]
PEERS = Path(__file__).parent / "peers"
TEMPLATE = "bench_template"
LIMIT = 1800.0  # seconds that one run of one entry may take


class Failed(Exception):
    """An entry did not answer with figures; the text holds its last words."""


@dataclass
class Stage:
    """Servers that run, and processes that are started on them."""

    postgres: Postgres
    valkey: Valkey
    folder: Path
    peers: Path | None  # an interpreter that has the peers installed
    restate: Path | None
    out: Path
    rabbitmq: str | None = None  # the address of one that may be used; it is given, not brought
    made: int = field(default=0)

    def prepare(self) -> None:
        """The tables, once; each run gets a copy."""
        self._administer(f"CREATE DATABASE {TEMPLATE}")
        self.python(self.ours(self._url(TEMPLATE)), "-m", "django", "migrate", "--verbosity", "0")

    def run(self, entry: str, ask: Mapping[str, Any]) -> dict[str, float]:
        """Let one entry do one case once, in a database of its own.

        Raises:
            Failed: it did not.
        """
        theirs = entry.endswith("_bench")
        with self._database(template=None if theirs else TEMPLATE) as url:
            told = {"ASK": json.dumps(ask), "BENCH_FLAMES": str(self.out / "flames.svg")}
            if theirs:
                python = str(self.peers) if self.peers is not None else sys.executable
                return self._said([python, str(PEERS / f"{entry}.py")], {**self._theirs(url), **told})
            on_files = ask.get("profile") == "embedded"
            with self._var(on_files) as folder:
                env = self.embedded(folder) if on_files else self.ours(url, folder)
                if ask.get("profile") == "rabbitmq":
                    env |= self._on_rabbitmq()
                return self._said([sys.executable, "-m", f"benchmarks.ours.{entry}"], {**env, **told})

    def ours(self, url: str, folder: Path | None = None) -> dict[str, str]:
        """The environment of our processes on Postgres and Valkey."""
        self.valkey_flush()
        return {
            **self._clean(), "AETHERIS_DATABASE_URL": url, "AETHERIS_BROKER_URL": self.valkey.url,
            "AETHERIS_VAR": str(folder or self.folder / "var"),
        }  # fmt: skip

    def _on_rabbitmq(self) -> dict[str, str]:
        """Its address, after the queue that knocks travel in has been emptied."""
        assert self.rabbitmq is not None
        with Connection(self.rabbitmq) as server, suppress(*server.channel_errors):
            channel: Any = server.default_channel
            channel.queue_purge(DEFAULT_QUEUE)
        return {"AETHERIS_BROKER_URL": self.rabbitmq}

    def embedded(self, folder: Path) -> dict[str, str]:
        """The environment without any service: SQLite and files, both new."""
        env = {**self._clean(), "AETHERIS_VAR": str(folder)}
        self.python(env, "-m", "django", "migrate", "--verbosity", "0")
        return env

    def valkey_flush(self) -> None:
        """Knocks of an earlier run are of no use to anybody."""
        import redis

        redis.Redis.from_url(self.valkey.client_url).flushall()

    def python(self, env: Mapping[str, str], *args: str) -> None:
        """Run this interpreter.

        Raises:
            Failed: it ended with an error.
        """
        command = [sys.executable, *args]
        done = subprocess.run(
            command, env=dict(env), cwd=ROOT, capture_output=True, text=True, timeout=LIMIT, check=False
        )
        if done.returncode:
            raise Failed(f"{' '.join(args[:3])} ended with {done.returncode}:\n{done.stderr[-2000:]}")

    def _clean(self) -> dict[str, str]:
        outside = {name: value for name, value in os.environ.items() if not name.startswith("AETHERIS_")}
        return {
            **outside, "DJANGO_SETTINGS_MODULE": "aetheris_site.settings", "PYTHONPATH": str(ROOT),
            "AETHERIS_AGENTS": "benchmarks.ours.agents",
        }  # fmt: skip

    def _theirs(self, url: str) -> dict[str, str]:
        self.valkey_flush()
        more = {"RESTATE": str(self.restate)} if self.restate is not None else {}
        return {**os.environ, "URL": url, "REDIS": self.valkey.url, "PYTHONPATH": str(PEERS), **more}

    def _said(self, command: list[str], env: Mapping[str, str]) -> dict[str, float]:
        try:
            done = subprocess.run(
                command, env=dict(env), cwd=PEERS if "PYTHONPATH" in env and env["PYTHONPATH"] == str(PEERS) else ROOT,
                capture_output=True, text=True, timeout=LIMIT, check=False,
            )  # fmt: skip
        except subprocess.TimeoutExpired:
            raise Failed(f"no answer within {LIMIT:g} s") from None
        lines = done.stdout.strip().splitlines()
        try:
            figures = json.loads(lines[-1])
            return {name: float(value) for name, value in figures.items()}
        except (IndexError, ValueError, AttributeError):
            words = (done.stderr.strip() or done.stdout.strip())[-2000:]
            raise Failed(f"ended with {done.returncode} and no figures:\n{words}") from None

    @contextmanager
    def _var(self, wanted: bool) -> Iterator[Path]:
        folder = self.folder / f"var{self.made}"
        folder.mkdir()
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    @contextmanager
    def _database(self, *, template: str | None) -> Iterator[str]:
        self.made += 1
        name = f"bench_{self.made}"
        self._administer(f"CREATE DATABASE {name}" + (f" TEMPLATE {template}" if template else ""))
        try:
            yield self._url(name)
        finally:
            self._administer(f"DROP DATABASE {name} WITH (FORCE)")

    def _url(self, name: str) -> str:
        """The address in the one form that everybody reads: the socket as a parameter."""
        return f"postgresql://aetheris@/{name}?host={self.postgres.folder}"

    def _administer(self, statement: str) -> None:
        with psycopg.connect(self.postgres.url, autocommit=True) as server:
            server.execute(statement.encode())
