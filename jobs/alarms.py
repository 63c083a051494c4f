"""Near wake times of steps that this worker parked or backed off: seen to on time; the tick is the safety net.

Kept in memory by the worker's control thread. A process without one, such as the API, notes nothing.
"""

from __future__ import annotations

import heapq
import threading
import time

from . import clock
from .core.moments import parse
from .core.state import JobState

NEAR = 5.0  # seconds; what is farther away is the tick's
MOST = 10_000
BATCH = 100
EARLY = 0.005  # seconds that this host's idea of the database's clock may be ahead

Entry = tuple[float, str, str]

_heap: list[Entry] = []
_change = threading.Condition()
_on = False


def switch(on: bool) -> None:
    """Begin, or cease, to note wake times; what was noted before is forgotten (also after a fork)."""
    global _on, _heap, _change
    _heap, _change, _on = [], threading.Condition(), on


def note(before: JobState, after: JobState) -> None:
    """Note the steps that a commit of this process leaves to be looked at soon."""
    if not _on:
        return
    for name in after.agenda:
        node = after.nodes[name]
        if node.wake_at is None or node.status not in ("backoff", "parked") or before.nodes.get(name) is node:
            continue
        _set((parse(node.wake_at) - clock.now()).total_seconds(), after.job, name)


def again(job: str, name: str, wait: float) -> None:
    """Look at a step once more: this host thought it due a little too early."""
    _set(wait, job, name)


def _set(wait: float, job: str, name: str) -> None:
    if wait > NEAR:
        return
    with _change:
        if len(_heap) < MOST:
            heapq.heappush(_heap, (time.monotonic() + max(0.0, wait) + EARLY, job, name))
            _change.notify_all()


def wait(seconds: float) -> list[tuple[str, str]]:
    """Wait until something is due, at most so many seconds.

    Returns:
        `(job, step)` of what is due, perhaps nothing.
    """
    with _change:
        first = _heap[0][0] - time.monotonic() if _heap else seconds
        if min(first, seconds) > 0:
            _change.wait(min(first, seconds))
        now = time.monotonic()
        due: list[tuple[str, str]] = []
        while _heap and _heap[0][0] <= now and len(due) < BATCH:
            _, job, name = heapq.heappop(_heap)
            due.append((job, name))
    return due


def wake() -> None:
    """Let whoever waits look up."""
    with _change:
        _change.notify_all()
