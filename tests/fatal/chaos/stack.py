"""The stack of a run: servers, API, workers and beats as real processes, and a supervisor that starts the dead again."""

from __future__ import annotations

import os
import shutil
import socket
import time
from collections import Counter
from collections.abc import Mapping
from contextlib import closing, suppress
from pathlib import Path

import psutil

from tests.fatal.audit_books import connect, query
from tests.fatal.chaos import moods
from tests.fatal.chaos.options import Options
from tests.fatal.chaos.schedule import BEATS, WORKERS
from tests.fatal.effects import Effects
from tests.fatal.processes import ROOT, Nursery, Running, until
from tests.servers import Postgres, Valkey

NOTES = "chaos_notes"
AGENTS = "tests.fatal.chaos.agents"
TTL = 4
THREADS = ["-c", "6"]
PREFORK = ["-P", "processes", "-c", "2"]  # the last worker's
QUIET = ["--without-gossip", "--without-mingle", "--without-heartbeat"]


class Part:
    """One process of the stack, through all its lives."""

    def __init__(self, name: str, module: str, arguments: list[str]) -> None:
        self.name, self.module, self.arguments = name, module, arguments
        self.running: Running | None = None
        self.lives = 0
        self.wanted = True

    @property
    def alive(self) -> bool:
        """Whether it runs (or stands still)."""
        return self.running is not None and self.running.alive


class Stack:
    """Everything that runs beside the players."""

    def __init__(self, options: Options, folder: Path) -> None:
        self.folder = folder
        self.postgres = Postgres() if options.database == "postgres" else None
        self.valkey = Valkey() if options.database == "postgres" else None
        self.database = self.postgres.url if self.postgres else f"sqlite:///{folder / 'db.sqlite3'}"
        self.broker = self.valkey.url if self.valkey else f"aetheris+files://{folder / 'broker'}"
        self.port = _free_port()
        self.ended: Counter[str] = Counter()  # parts that ended although nobody had ended them
        os.environ[moods.SEED] = str(options.seed)
        self.effects = Effects(folder, module="tests.fatal.chaos.service")
        self.nursery: Nursery
        self.parts: dict[str, Part] = {}

    @property
    def environment(self) -> Mapping[str, str]:
        """What tells a process of the site where it belongs."""
        return {
            "DJANGO_SETTINGS_MODULE": "aetheris_site.settings", "PYTHONPATH": str(ROOT),
            "AETHERIS_DATABASE_URL": self.database, "AETHERIS_BROKER_URL": self.broker,
            "AETHERIS_VAR": str(self.folder), "AETHERIS_AGENTS": AGENTS,
            "AETHERIS_PAYMENTS_URL": self.effects.url, "AETHERIS_LEASE_TTL": str(TTL),
        }  # fmt: skip

    def start(self) -> None:
        """Start everything, and wait until the API answers and a worker is ready."""
        for server in (self.postgres, self.valkey):
            if server is not None:
                server.start()
        os.environ.update(self.environment)
        self.nursery = Nursery(self.folder, agents=AGENTS)
        self._migrate()
        self.fresh("")
        until(self._ready, what="the stack", told=self._said)

    def fresh(self, mark: str) -> None:
        """Take on new workers, beats and an API; who was there before is left to itself."""
        for index in range(WORKERS):
            name = f"worker{index}{mark}"
            pool = PREFORK if index == WORKERS - 1 else THREADS
            arguments = ["-A", "aetheris_site", "worker", "-n", f"{name}@chaos", "-l", "INFO"]
            self._add(Part(name, "celery", [*arguments, *pool, *QUIET]))
        for index in range(BEATS):
            self._add(
                Part(
                    f"beat{index}{mark}",
                    "celery",
                    ["-A", "aetheris_site", "beat", "-l", "INFO", "--pidfile="],
                )
            )
        address = ["--host", "127.0.0.1", "--port", str(self.port)]
        self._add(Part(f"api0{mark}", "uvicorn", ["aetheris_site.asgi:application", *address]))

    def part(self, kind: str, victim: int) -> Part:
        """The worker, beat or API with that number."""
        return self.parts[f"{kind}{victim}"]

    def begin(self, part: Part) -> None:
        """Start a part, unless it runs."""
        part.wanted = True
        if part.alive:
            return
        part.lives += 1
        log = self.folder / f"{part.name}.{part.lives}.log"
        clean = {name: value for name, value in os.environ.items() if not name.startswith("AETHERIS_")}
        env = {**clean, **self.environment, moods.SEED: os.environ[moods.SEED]}
        part.running = self.nursery.start(part.module, part.arguments, env=env, log=log)

    def look_after(self) -> None:
        """Start again what has ended by itself, as any supervisor does."""
        for part in list(self.parts.values()):
            if part.wanted and not part.alive:
                self.ended[part.name] += 1
                self.begin(part)

    def dismiss(self) -> None:
        """End all workers, beats and APIs at once."""
        for part in self.parts.values():
            part.wanted = False
            if part.running is not None:
                self._end(part.running)
        self.parts.clear()

    def _end(self, process: Running) -> None:
        """End it and its children, if it has any."""
        family = psutil.Process(process.pid).children(recursive=True) if process.alive else []
        process.kill()
        for child in family:
            with suppress(psutil.NoSuchProcess):
                child.kill()

    def close(self) -> None:
        """End everything."""
        with suppress(AssertionError):
            self.dismiss()
        if hasattr(self, "nursery"):
            self.nursery.close()
        self.effects.close()
        for server in (self.valkey, self.postgres):
            if server is not None:
                server.__exit__()

    def keep_database(self) -> None:
        """Copy the data of a database server, which goes with it, to the folder; SQLite's file lies there already."""
        if self.postgres is not None:
            self.postgres.stop()
            shutil.copytree(self.postgres.folder / "data", self.folder / "postgres", dirs_exist_ok=True)

    def logs(self) -> list[Path]:
        """What all processes have printed."""
        return sorted(self.folder.glob("*.log"))

    def _add(self, part: Part) -> None:
        self.parts[part.name] = part
        self.begin(part)

    def _migrate(self) -> None:
        clean = {name: value for name, value in os.environ.items() if not name.startswith("AETHERIS_")}
        log = self.folder / "migrate.log"
        made = self.nursery.start(
            "django", ["migrate", "--verbosity", "1"], env={**clean, **self.environment}, log=log
        )
        until(lambda: not made.alive, what="the migrations")
        if "aetheris_jobs" not in made.said:
            raise RuntimeError(f"the migrations failed:\n{made.said}")
        with closing(connect(self.database)) as connection:
            connection.execute(f"CREATE TABLE {NOTES} (key VARCHAR(64), word VARCHAR(255))")
            connection.commit()

    def counts(self) -> dict[str, int]:
        """How often each effect happened, by idempotency key: at the service, and in the table of notes."""
        noted = query(self.database, f"SELECT key, COUNT(*) AS times FROM {NOTES} GROUP BY key")  # noqa: S608
        return {**self.effects.counts(), **{row["key"]: row["times"] for row in noted}}

    def _ready(self) -> bool:
        said = [part.running.said for part in self.parts.values() if part.running is not None]
        return sum("registered as" in each for each in said) == WORKERS and any(
            "Uvicorn running" in each for each in said
        )

    def _said(self) -> str:
        time.sleep(0)
        return "\n".join(
            part.running.said[-2000:] for part in self.parts.values() if part.running is not None
        )


def _free_port() -> int:
    """A port below those that outgoing connections take: nobody sits on it while the API is down."""
    first = 20_000 + os.getpid() % 10_000
    for port in range(first, first + 1_000):
        with socket.socket() as line, suppress(OSError):
            line.bind(("127.0.0.1", port))
            return port
    raise OSError(f"no port from {first} to {first + 999} is free on 127.0.0.1")
