"""A stage: one database, one broker, workers to kill, and the payment service that counts."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from celery import Celery

from jobs import resolve, submit
from jobs.celery_defaults import configure
from tests.factories import person
from tests.fatal import agents, killers, lasting, sagas, undoing
from tests.fatal.audit import Row, audit, writer_stands_aside
from tests.fatal.audit_books import Reader
from tests.fatal.effects import Effects
from tests.fatal.processes import ROOT, SECONDS, Nursery, Running, until

QUIET = ["--without-gossip", "--without-mingle", "--without-heartbeat"]
TICK = 0.2  # seconds between two ticks; beat asks every second
AGENTS = ",".join(
    each.__name__ for each in (agents, killers, lasting, sagas, undoing)
)  # which this process, too, has heard of now
FORMS = ["graph", "def", "async", "map", "child"]


class Stage:
    """What a fatal test plays on."""

    def __init__(
        self, *, database: str, broker: str, folder: Path, nursery: Nursery, effects: Effects
    ) -> None:
        self.database, self.broker, self.folder = database, broker, folder
        self.nursery, self.effects = nursery, effects
        self.processes: list[Running] = []
        self.sender = Celery("fatal", broker=broker, set_as_current=False)
        configure(self.sender)
        self.reader = Reader(database)
        self._ticked = 0.0
        self.elsewhere: list[Callable[[], dict[str, int]]] = []  # further worlds: effects by idempotency key

    # --- processes -----------------------------------------------------------------------------------

    def worker(self, *, crash: str = "", slots: int = 4, ttl: float = 10, **more: str) -> Running:
        """A worker that is ready.

        Args:
            crash: where it dies or stops, as AETHERIS_CRASH.
            slots: threads of its pool.
            ttl: seconds of silence after which it is declared dead.
            more: environment variables of its own.
        """
        name = f"w{len(self.processes)}"
        args = [
            "-A",
            "aetheris_site",
            "worker",
            "-n",
            f"{name}@fatal",
            "-c",
            str(slots),
            "-l",
            "INFO",
            *QUIET,
        ]
        hold = self.folder / f"{name}.hold"
        hold.touch()
        env = {"AETHERIS_CRASH": crash, "AETHERIS_CRASH_HOLD": str(hold), "AETHERIS_LEASE_TTL": str(ttl)}
        made = self.start("celery", args, **env, **more)
        begun = f"worker {name}"
        until(lambda: "ready." in made.said or not made.alive or made.stopped, what=begun, told=self.story)
        assert "registered as" in made.said, f"worker {name} did not start:\n{made.said}"
        return made

    def start(self, module: str, args: list[str], **env: str) -> Running:
        """A process of the site on this stage's database and broker."""
        clean = {name: value for name, value in os.environ.items() if not name.startswith("AETHERIS_")}
        ours = {
            "DJANGO_SETTINGS_MODULE": "aetheris_site.settings", "PYTHONPATH": str(ROOT),
            "AETHERIS_DATABASE_URL": self.database, "AETHERIS_BROKER_URL": self.broker,
            "AETHERIS_VAR": str(self.folder), "AETHERIS_AGENTS": AGENTS,
            "AETHERIS_PAYMENTS_URL": self.effects.url,
        }  # fmt: skip
        log = self.folder / f"process{len(self.processes)}.log"
        made = self.nursery.start(module, args, env={**clean, **ours, **env}, log=log)
        self.processes.append(made)
        return made

    def stop(self, worker: Running, *, at_its_point: bool = True) -> None:
        """Stop a worker by SIGSTOP, once it is held at its crash point (if it has one).

        It is stopped while this process has SQLite's one writer's place: a process that stood still with it
        would stop everybody.
        """
        if at_its_point:
            self.until(
                self._gate(worker).with_suffix(".reached").exists, "a worker to be held", ticking=False
            )
        with writer_stands_aside(self.database):
            worker.send(signal.SIGSTOP)
            self.until(lambda: worker.stopped, "a worker to stand still", ticking=False)

    def go_on(self, worker: Running) -> None:
        """Let a stopped worker go on, past the point where it was held."""
        self._gate(worker).unlink()
        worker.send(signal.SIGCONT)

    def _gate(self, worker: Running) -> Path:
        return self.folder / f"w{self.processes.index(worker)}.hold"

    # --- wishes --------------------------------------------------------------------------------------

    def submit(self, form: str, tool: str, **more: Any) -> str:
        """A new job of the agent of that form; gives its id."""
        return self.submit_goal(form, {"tool": tool}, **more)

    def submit_goal(self, form: str, goal: dict[str, Any], **more: Any) -> str:
        """The same with the whole goal, and whatever else is said of a job."""
        return str(submit(f"fatal-{form}", goal, actor=person(), **more))

    def resolve(self, line: Row, verdict: str, result: Any = None) -> None:
        """A person says what became of a call."""
        resolve(str(line["id"]), verdict, actor=person(), result=result, comment="looked it up")

    def knock(self, job: str, node: str) -> None:
        """Send a knock."""
        self.sender.send_task("aetheris.step", args=(job, node), queue="aetheris")

    def tick(self) -> None:
        """Ask for a tick, as beat does, if the last was asked for a while ago."""
        if time.monotonic() - self._ticked > TICK:
            self._ticked = time.monotonic()
            self.sender.send_task("aetheris.tick", queue="aetheris")

    def lose_every_knock(self) -> None:
        """Empty the broker."""
        if self.broker.startswith("aetheris+files"):
            for message in Path(self.broker.removeprefix("aetheris+files://")).rglob("*"):
                if message.is_file():
                    message.unlink(missing_ok=True)
        elif self.broker.startswith("amqp"):
            with self.sender.connection_for_write() as connection:
                queue = self.sender.amqp.queues["aetheris"](connection.default_channel)
                queue.declare()
                queue.purge()
        else:
            with self.sender.connection_for_write() as connection:
                channel: Any = connection.default_channel
                channel.client.flushall()

    # --- what is ---------------------------------------------------------------------------------------

    def status(self, job: str) -> str:
        """The status in the job's row."""
        return str(self.job(job)["status"])

    def job(self, job: str) -> Row:
        """The job's row."""
        return self._of(job, "jobs_job", "id")[0]

    def jobs_named(self, job: str) -> list[Row]:
        """The job's row, if it is there."""
        return self._of(job, "jobs_job", "id")

    def tombstones(self) -> list[Row]:
        """What is left of pruned jobs."""
        return self.reader.query("SELECT * FROM aetheris_jobs_tombstone ORDER BY pruned_at")

    def family(self, job: str) -> list[Row]:
        """The rows of a job and of its children."""
        return [self.job(job), *self._of(job, "jobs_job", "parent_job")]

    def lines(self, job: str, *, pure: bool = False) -> list[Row]:
        """The ledger lines of a job for calls with an effect, children's included."""
        family = [str(row["id"]) for row in self.family(job)]
        lines = [line for each in family for line in self._of(each, "ledger_invocation", "job_id")]
        return [line for line in lines if pure or line["effect"] != "pure"]

    def events(self, job: str) -> list[Row]:
        """The events of a job."""
        return self._of(job, "jobs_event", "job_id", order="seq")

    def kinds(self, job: str) -> list[str]:
        """The kinds of a job's events."""
        return [event["type"] for event in self.events(job)]

    def happened(self) -> dict[str, int]:
        """How often each effect really happened, at the service or as a row of a host's table, by idempotency key."""
        counts = self.effects.counts()
        for row in self.reader.query("SELECT name FROM auth_group"):
            key = row["name"].partition(" ")[0]
            counts[key] = counts.get(key, 0) + 1
        for world in self.elsewhere:
            counts |= world()
        return counts

    def counts(self, job: str) -> list[int]:
        """How often each of the job's effects really happened."""
        counts = self.happened()
        return [counts.get(line["idempotency_key"], 0) for line in self.lines(job)]

    def workers(self) -> list[Row]:
        """The rows of all workers that ever were."""
        return self.reader.query("SELECT * FROM aetheris_jobs_worker ORDER BY registered_at")

    def how_many_jobs(self) -> int:
        """The number of jobs."""
        return len(self.reader.query("SELECT id FROM aetheris_jobs_job"))

    def _of(self, job: str, table: str, column: str, *, order: str = "id") -> list[Row]:
        key = job.replace("-", "") if self.database.startswith("sqlite") else job
        statement = f"SELECT * FROM aetheris_{table} WHERE {column} = '{key}' ORDER BY {order}"  # noqa: S608 - ours
        return self.reader.query(statement)

    # --- waiting -------------------------------------------------------------------------------------

    def until(self, holds: Any, what: str, *, ticking: bool = True, seconds: float = SECONDS) -> None:
        """Wait for a condition while time is asked to go on."""
        until(
            holds,
            what=what,
            meanwhile=self.tick if ticking else lambda: None,
            told=self.story,
            seconds=seconds,
        )

    def until_status(self, job: str, *wanted: str) -> None:
        """Wait until the job has one of these statuses."""
        self.until(lambda: self.status(job) in wanted, f"job {job} to be {' or '.join(wanted)}")

    def until_dead(self, worker: Running) -> None:
        """Wait until a worker that was told to die somewhere has died, without any tick."""
        self.until(lambda: not worker.alive, "a worker to die at its crash point", ticking=False)

    def until_hanging(self, calls: int = 1, *, ticking: bool = False) -> None:
        """Wait until so many calls hang at the service."""
        self.until(lambda: self.effects.hanging == calls, f"{calls} hanging calls", ticking=ticking)

    # --- the end -------------------------------------------------------------------------------------

    def check(self) -> None:
        """The audit after every test: nothing is owed any more, and the books agree with the world."""
        owed = "SELECT * FROM aetheris_jobs_delivery WHERE wake_at IS NOT NULL"
        self.until(lambda: self.reader.query(owed) == [], "deliveries to be carried out")
        audit(self.database, self.happened())

    def close(self) -> None:
        """End what still runs."""
        for door in ("refund", "reverse", "order", "probe"):
            self.effects.behave("normal", on=door)
        self.effects.release()
        for process in self.processes:
            process.kill()
        self.sender.close()
        self.reader.close()

    def story(self) -> str:
        """What happened, for a test that fails."""
        told = [f"{row['id']} {row['agent']} {row['status']} {row['parked_on']}" for row in
                self.reader.query("SELECT * FROM aetheris_jobs_job ORDER BY id")]  # fmt: skip
        told += [
            f"{str(row['job_id'])[-6:]} {row['seq']:>3} {row['type']} {row['node']} {json.loads(row['body'])}"[
                :300
            ]
            for row in self.reader.query("SELECT * FROM aetheris_jobs_event ORDER BY job_id, seq")
        ]
        for process in self.processes:
            told += [f"--- process {process.pid}", *process.said.splitlines()[-25:]]
        return "\n".join(told)
