"""What is measured: each case is one piece of work that several entries do, so that their figures can be compared."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

LATENCY, RATE = "ms", "per_s"


@dataclass(frozen=True)
class Entry:
    """Who does it: a module of `benchmarks.ours`, or a driver of `benchmarks/peers` (its name ends in `_bench`)."""

    title: str
    run: str
    ask: Mapping[str, Any] = field(default_factory=dict)

    @property
    def is_peer(self) -> bool:
        """Whether it is somebody else's runtime."""
        return self.run.endswith("_bench") and self.run != "floor_bench"

    @property
    def wants_rabbitmq(self) -> bool:
        """Whether it needs a server that no wheel brings."""
        return self.ask.get("profile") == "rabbitmq"

    @property
    def is_ours(self) -> bool:
        """Whether it is this runtime."""
        return not self.run.endswith("_bench")


@dataclass(frozen=True)
class Case:
    """One comparison.

    Args:
        name: how it is chosen on the command line.
        title: the question that it answers.
        figure: the figure that is compared.
        unit: how the figure is read.
        less_is_better: which way is better.
        entries: who does it.
        base: the title of the entry that ratios are taken to; "" takes none.
        note: what one must know to read it.
    shares: the further figures are the parts of one whole.
    """

    name: str
    title: str
    figure: str
    unit: str
    less_is_better: bool
    entries: tuple[Entry, ...]
    base: str = "floor"
    note: str = ""
    shares: bool = False


FLOOR = Entry("floor", "floor_bench")
PEERS = (
    Entry("Absurd", "absurd_bench"),
    Entry("DBOS", "dbos_bench"),
    Entry("LangGraph", "langgraph_bench"),
    Entry("Restate", "restate_bench"),
    Entry("Celery chain", "celery_bench"),
)
KINDS = {
    "pure step": "pure",
    "at-most-once tool": "act",
    "workflow call": "workflow",
    "model-shaped, 8 KB": "model",
}


def latency(quick: bool) -> Case:
    """What one step costs."""
    ask = {"case": "latency", "steps": 100 if quick else 500}
    ours = [Entry(f"Aetheris, {title}", "steps", {**ask, "kind": kind}) for title, kind in KINDS.items()]
    embedded = Entry(
        "Aetheris embedded, at-most-once tool", "steps", {**ask, "kind": "act", "profile": "embedded"}
    )
    others = [Entry(each.title, each.run, ask) for each in (FLOOR, *PEERS)]
    return Case(
        "latency", f"One job of {ask['steps']} steps, alone: what does a step cost?", LATENCY, "ms a step", True,
        (*others, *ours, embedded),
        note="The floor is one committed insert per step. The peers' steps, and the chain's tasks, are at-least-once and "
        "leave no audit chain. Ours go through the broker to a worker process; the embedded one has SQLite and files.",
    )  # fmt: skip


def throughput(at_once: int, quick: bool) -> Case:
    """How many steps are done in a second."""
    jobs = 4 * at_once if quick else max(40, 8 * at_once)
    ask = {"case": "throughput", "steps": 10, "jobs": min(jobs, 400), "at_once": at_once}
    ours = [
        Entry("Aetheris, pure step", "steps", {**ask, "kind": "pure"}),
        Entry("Aetheris, at-most-once tool", "steps", {**ask, "kind": "act"}),
    ]
    if at_once > 1:
        two = {**ask, "kind": "act", "processes": 2}
        ours.append(Entry("Aetheris, at-most-once tool, two workers", "steps", two))
    others = [Entry(each.title, each.run, ask) for each in (FLOOR, *PEERS)]
    return Case(
        f"throughput-{at_once}", f"{ask['jobs']} jobs of 10 steps, {at_once} at a time: how many steps in a second?",
        RATE, "steps/s", False, (*others, *ours),
        note="One process of each, with that many threads (Restate has a server beside it); where there are two, the row "
        "says so.",
    )  # fmt: skip


def between_processes(quick: bool) -> list[Case]:
    """How long one process waits for another."""
    ask = {"times": 30 if quick else 200}
    questions = {
        "knock": "From the birth of a job to the start of its first step, in another process",
        "signal": "From a signal to the promise of the next call, in another process",
    }
    return [
        Case(name, title, "p50", "ms (p50)", True, (
            Entry("Aetheris, Postgres and Valkey", "waits", {**ask, "case": name}),
            Entry("Aetheris, Postgres and RabbitMQ", "waits", {**ask, "case": name, "profile": "rabbitmq"}),
            Entry("Aetheris embedded, SQLite and files", "waits", {**ask, "case": name, "profile": "embedded"}),
        ), base="", note="p99 beside it; the moments are those on the jobs' records. RabbitMQ takes part where one is given.")
        for name, title in questions.items()
    ]  # fmt: skip


def submissions(quick: bool) -> Case:
    """How many jobs come in."""
    ask = {"jobs": 80 if quick else 800}
    entries = tuple(Entry(f"Aetheris, clients: {n}", "submitting", {**ask, "clients": n}) for n in (1, 8))
    return Case(
        "submit", "Submissions over HTTP to one API process, while a worker takes them up", RATE, "jobs/s", False, entries,
        base="Aetheris, clients: 1", note="Each answer comes after the job is durable; p50 and p99 are milliseconds to it.",
    )  # fmt: skip


def at_a_time(quick: bool) -> list[Case]:
    """Many things at once, and a death."""
    branches, waits = (100, 100) if quick else (1000, 1000)
    fan = {"case": "fan", "branches": branches, "seconds": 0.05, "threads": 16}
    loop = {"case": "waits", "waits": waits, "seconds": 2.0}
    spread = tuple(Entry(f"Aetheris, workers: {n}", "many", {**fan, "processes": n}) for n in (1, 2, 4))
    return [
        Case("fan-out", f"{branches} branches of one job that wait 50 ms each, 16 threads a worker", "seconds", "s", True,
             spread, base="Aetheris, workers: 1",
             note="`over_ideal` is the wall time over that of branches which cost nothing but their wait."),
        Case("model-waits", f"{waits} waits of 2 s at once on the event loop of one worker", "seconds", "s", True,
             (Entry("Aetheris", "many", loop),), base="",
             note="`mib` is what the worker grew by; `connections` are all that the database saw."),
        Case("take-over", "A worker is killed; until another has begun its step anew", "seconds", "s", True,
             (Entry("Aetheris, lease of 10 s", "many", {"case": "takeover"}),), base="",
             note="On one machine the process is known to be gone, which the next tick sees; of a silent host it is the lease's time to live."),
    ]  # fmt: skip


def over_time(quick: bool) -> list[Case]:
    """What grows with a job, and with the number of jobs."""
    steps = 250 if quick else 2500
    crowds = (2_000,) if quick else (10_000, 1_000_000)
    return [
        Case("long-job", f"One job of {4 * steps:,} events: its last steps against its first", "late_to_early", "times", True,
             (Entry("Aetheris, workflow calls", "long", {"steps": steps}),), base="",
             note="Around 1: a step costs the same however many went before it. `cold_ms` folds the whole stream."),
        *(
            Case(f"parked-{crowd}", f"A fresh job beside {crowd:,} parked ones, against one alone", "fresh_after_to_before",
                 "times", True,
                 (Entry("Aetheris", "parked", {"parked": crowd, "steps": 50 if quick else 200}),), base="",
                 note="Around 1: parked jobs cost the others nothing. The parked ones are copies that the database makes.")
            for crowd in crowds
        ),
    ]  # fmt: skip


def profile(quick: bool) -> Case:
    """Where the time goes."""
    ask = {"steps": 200 if quick else 1000}
    return Case(
        "profile", "Where the time of one at-most-once step goes", LATENCY, "ms a step", True,
        (Entry("Aetheris, in one process", "where", ask),), base="", shares=True,
        note="Looks at the thread that runs the job, a thousand times a second; what the looks cost is in the figure.",
    )  # fmt: skip


def all_cases(quick: bool) -> list[Case]:
    """Every case, in the order of the report."""
    rates = [throughput(at_once, quick) for at_once in (1, 4, 16, 64)]
    return [
        latency(quick),
        *rates,
        submissions(quick),
        *between_processes(quick),
        *at_a_time(quick),
        *over_time(quick),
        profile(quick),
    ]
