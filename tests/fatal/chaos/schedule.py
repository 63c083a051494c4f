"""What a run does, drawn from its seed: which jobs are asked for when, and which faults strike whom."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

WORKERS = 3
BEATS = 2
LEAST_GAP, MOST_GAP = 0.4, 1.8  # seconds between two faults
QUIET = 2.0  # seconds at the beginning without any fault

PROCESSES = (
    ["kill_worker"] * 4 + ["stop_worker"] * 2 + ["drain_worker"] * 2
    + ["kill_api", "drain_api", "stop_api", "kill_beat", "stop_beat", "drain_beat"]
    + ["empty_broker", "double_broker", "double_broker"]
)  # fmt: skip
FAULTS: dict[str, Sequence[str]] = {
    "postgres": (
        *PROCESSES, "kill_broker", "restart_broker",
        "kill_database", "restart_database", "cut_connections", "cut_connections",
    ),
    "sqlite": (*PROCESSES, "remove_broker", "lock_database", "lock_database"),
}  # fmt: skip
# How long a fault lasts at least and at most: until the victim is started, continued or let go.
SECONDS: dict[str, tuple[float, float]] = {
    "kill_worker": (0.2, 4.0),
    "stop_worker": (5.0, 8.0),  # beyond the lease's time to live
    "drain_worker": (0.0, 1.0),
    "kill_api": (0.2, 2.0),
    "drain_api": (0.0, 1.0),
    "stop_api": (0.5, 3.0),
    "kill_beat": (0.5, 6.0),
    "stop_beat": (1.0, 6.0),
    "drain_beat": (0.0, 1.0),
    "kill_broker": (0.5, 3.0),
    "restart_broker": (0.0, 0.0),
    "kill_database": (0.5, 3.0),
    "restart_database": (0.0, 0.5),
    "lock_database": (0.5, 6.0),
}
VICTIMS = {"worker": WORKERS, "beat": BEATS}

AGENTS = (
    ["chaos-branch"] * 3 + ["chaos-map"] * 2 + ["chaos-wait"] * 3 + ["chaos-approval"] * 3 + ["chaos-sleep"] * 2
    + ["chaos-family"] * 2 + ["chaos-failing"] * 2 + ["chaos-shared"] * 3 + ["chaos-plain"] * 3
    + ["chaos-async"] * 3 + ["chaos-asking"] * 2 + ["chaos-thinking"] * 2 + ["chaos-planned"] * 2
    + ["chaos-saga"] * 3 + ["chaos-notes"] * 3 + ["chaos-talk"] * 3
)  # fmt: skip
TOOLS = ["chaos.pay_probed"] * 5 + ["chaos.pay_keyed"] * 3 + ["chaos.pay_async"] * 3 + ["chaos.pay_blind"] * 2
DOORS = ("http", "python")


@dataclass(frozen=True)
class Fault:
    """One fault: when it strikes, what it is, which of its kind it strikes, and for how long."""

    at: float
    kind: str
    victim: int
    seconds: float

    def __str__(self) -> str:
        return f"{self.at:8.3f}  {self.kind:<16} {self.victim}  {self.seconds:.3f} s"


@dataclass(frozen=True)
class Order:
    """One job that is asked for: when, of whom, through which door, and what a person does to it later."""

    number: int
    at: float
    agent: str
    tool: str
    door: str
    keyed: bool
    twice: bool
    meddling: str
    after: float
    approves: bool

    @property
    def goal(self) -> dict[str, object]:
        """What the agent is asked for."""
        return {"order": f"C-{self.number}", "tool": self.tool, "n": self.number}

    @property
    def on_failure(self) -> str:
        """What becomes of its effects if it ends badly."""
        return "compensate" if self.agent == "chaos-saga" else "fail"

    @property
    def key(self) -> str | None:
        """The idempotency key it is submitted under, if any."""
        return f"chaos-{self.number}" if self.keyed else None


@dataclass(frozen=True)
class Schedule:
    """Everything that a seed decides."""

    faults: tuple[Fault, ...]
    orders: tuple[Order, ...]

    def __str__(self) -> str:
        told = [str(fault) for fault in self.faults]
        return "\n".join(
            [*told, *(f"{order.at:8.3f}  {order.agent:<16} {order.tool}" for order in self.orders)]
        )


def draw(seed: int, *, seconds: float, jobs: int, database: str) -> Schedule:
    """The schedule of a seed; the same arguments give the same.

    Args:
        seed: any whole number.
        seconds: how long faults strike.
        jobs: how many jobs are submitted meanwhile, without the children that they start.
        database: `sqlite` or `postgres`; each has its own faults.
    """
    faults = tuple(_faults(random.Random(f"faults {seed}"), seconds, FAULTS[database]))
    orders = tuple(_orders(random.Random(f"orders {seed}"), seconds, jobs))
    return Schedule(faults, orders)


def _faults(dice: random.Random, seconds: float, kinds: Sequence[str]) -> Iterator[Fault]:
    """Every kind comes before any comes again more often than it is listed: a bag, drawn empty and filled again."""
    at, bag = QUIET, [""][:0]
    while True:
        at += dice.uniform(LEAST_GAP, MOST_GAP)
        if at >= seconds:
            return
        if not bag:
            bag = list(kinds)
            dice.shuffle(bag)
        kind = bag.pop()
        victim = dice.randrange(VICTIMS.get(kind.partition("_")[2], 1))
        yield Fault(round(at, 3), kind, victim, round(dice.uniform(*SECONDS.get(kind, (0.0, 0.0))), 3))


def _orders(dice: random.Random, seconds: float, jobs: int) -> Iterator[Order]:
    moments = sorted(dice.uniform(0, seconds * 0.9) for _ in range(jobs))
    for number, at in enumerate(moments):
        keyed = dice.random() < 0.5
        meddling = dice.choices(["", "cancel", "pause"], [86, 7, 7])[0]
        yield Order(
            number=number, at=round(at, 3), agent=dice.choice(AGENTS), tool=dice.choice(TOOLS),
            door=dice.choice(DOORS), keyed=keyed, twice=keyed and dice.random() < 0.4, meddling=meddling,
            after=round(dice.uniform(0.1, 3.0), 3), approves=dice.random() < 0.75,
        )  # fmt: skip
