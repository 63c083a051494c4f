"""Handing a message to a broker that may hang: nobody waits longer than a moment, and nobody at all while it hangs.

A broker that refuses says so at once. One that takes a connection and answers nothing would keep a request, or a
worker's slot, for as long as its sockets are patient; so messages are handed over by threads kept for that.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from concurrent.futures import Future
from queue import SimpleQueue
from time import monotonic

PATIENCE = 2.0  # seconds that somebody waits for a message to be taken
REST = 5.0  # seconds for which a broker that hung is not tried again
THREADS = 8

Work = Callable[[], object]


class BrokerHangs(OSError):
    """The broker did not take a message in time; it may still take it."""


class Senders:
    """A few threads of this process that hand over messages."""

    def __init__(self) -> None:
        self.forget()
        os.register_at_fork(after_in_child=self.forget)

    def forget(self) -> None:
        """Begin anew, as after a fork: no thread has survived it."""
        self._work: SimpleQueue[tuple[Future[object], Work]] = SimpleQueue()
        self._lock = threading.Lock()
        self._threads = self._busy = 0
        self._rests_until = 0.0

    def hand_over(self, work: Work) -> None:
        """Have it done, and wait a moment for it; what it raises is raised here.

        Raises:
            BrokerHangs: it was not done in time, or somebody has found that a moment ago.
        """
        if monotonic() < self._rests_until:
            raise BrokerHangs("it hangs, as was found a moment ago")
        done: Future[object] = Future()
        self._hire()
        self._work.put((done, work))
        try:
            done.result(PATIENCE)
        except TimeoutError:
            if done.done():  # it is the work's own
                raise
            done.cancel()
            self._rests_until = monotonic() + REST
            raise BrokerHangs(f"it took no message within {PATIENCE:g} s") from None

    def _hire(self) -> None:
        with self._lock:
            self._busy += 1
            if self._busy <= self._threads or self._threads == THREADS:
                return
            self._threads += 1
        threading.Thread(target=self._serve, name="aetheris-sender", daemon=True).start()

    def _serve(self) -> None:
        while True:
            done, work = self._work.get()
            if done.set_running_or_notify_cancel():
                try:
                    done.set_result(work())
                except BaseException as error:
                    done.set_exception(error)
            del done, work
            with self._lock:
                self._busy -= 1


senders = Senders()
