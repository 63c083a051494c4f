"""Threads for tool calls: one of its own for each call while it lasts, kept for the next one when it has ended.

A pool would do if every call ended. One that is given up keeps its thread for as long as it likes, and must not keep a
place of others: so there is no limit to how many run, only to how many are kept.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from queue import SimpleQueue

KEPT = 32  # threads that wait for the next call

_idle: list[_Hand] = []  # append and pop are atomic


class _Hand(threading.Thread):
    """A daemon thread that does one piece of work after the other, and never more than one at a time."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.box: SimpleQueue[tuple[Callable[[], None], str]] = SimpleQueue()

    def run(self) -> None:
        while True:
            work, self.name = self.box.get()
            work()
            del work  # what the call held is not held while waiting for the next
            self.name = "tool, idle"
            if len(_idle) >= KEPT:
                return
            _idle.append(self)


def do(work: Callable[[], None], name: str) -> None:
    """Do a piece of work, which never raises, in a thread that does nothing else meanwhile.

    Args:
        work: what to do.
        name: the thread's name while it does it.

    Raises:
        RuntimeError: the system gives no further thread; nothing was done.
    """
    try:
        hand = _idle.pop()
    except IndexError:
        hand = _Hand()
        hand.start()
    hand.box.put((work, name))


os.register_at_fork(after_in_child=_idle.clear)
