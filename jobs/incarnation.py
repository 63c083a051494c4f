"""This worker process as the database knows it: one row, one lease for all its steps (design: leases)."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from .room import Room

Key = tuple[str, str, int]  # job, step, fence


@dataclass
class Incarnation:
    """One registered life of a worker process.

    `deadline` is on the monotonic clock, taken *before* the renewal was sent: the lease never seems
    longer here than it is in the database.
    """

    id: str
    ttl: float
    name: str = ""
    capabilities: frozenset[str] = frozenset()
    offers: frozenset[str] = frozenset()
    hand_off: bool = True
    deadline: float = 0.0
    draining: bool = False
    lost: bool = False
    turned_away: set[tuple[str, str]] = field(default_factory=set)  # knocks that came while it drained
    room: Room = field(default_factory=Room)
    broken: set[Key] = field(default_factory=set)  # claims whose drive broke off
    _held: Counter[Key] = field(default_factory=Counter)
    _running: dict[tuple[str, str], Callable[[], None]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def lease_ok(self) -> bool:
        """Whether a call may still be sent: the lease has not passed and nobody asked to stop (Law E6)."""
        return not self.lost and not self.draining and time.monotonic() < self.deadline

    def holds(self) -> bool:
        """Whether the lease is this process's own, drained or not."""
        return not self.lost and time.monotonic() < self.deadline

    def makes_room(self) -> bool:
        """Whether steps are to stop where they can: this process drains, or a suspect waits to be alone in it."""
        return self.draining or self.room.wanted is not None

    def begin(self, job: str, node: str, cancel: Callable[[], None]) -> None:
        """Note a running step, and how to ask it to stop."""
        with self._lock:
            self._running[job, node] = cancel

    def end(self, job: str, node: str) -> None:
        """The step is over."""
        with self._lock:
            self._running.pop((job, node), None)

    def running(self) -> dict[tuple[str, str], Callable[[], None]]:
        """Steps that run here now."""
        with self._lock:
            return dict(self._running)

    def take_up(self, claim: Key) -> None:
        """Note a claim that a thread or task of this process drives."""
        with self._lock:
            self._held[claim] += 1

    def lay_down(self, claim: Key) -> None:
        """That drive is over."""
        with self._lock:
            self._held[claim] -= 1
            if self._held[claim] <= 0:
                del self._held[claim]

    def held(self) -> set[Key]:
        """Claims that are being driven here now."""
        with self._lock:
            return set(self._held)


class NoWorker(RuntimeError):
    """A step was to be driven in a process that is not registered as a worker."""


_current: Incarnation | None = None


def become(incarnation: Incarnation | None) -> None:
    """Make this process that worker (or none)."""
    global _current
    _current = incarnation


def current() -> Incarnation:
    """The worker that this process is.

    Raises:
        NoWorker: it is none (any more).
    """
    if _current is None:
        raise NoWorker("this process is not registered as a worker; steps run in `celery worker` processes")
    return _current


def registered() -> Incarnation | None:
    """The worker that this process is, or None."""
    return _current
