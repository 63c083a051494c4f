"""How a consumer waits for messages without a socket: until a bell rings in its process, or for a short while."""

from __future__ import annotations

import os
import threading
from queue import Empty
from time import monotonic
from typing import Any

from kombu.transport import virtual


class Bell:
    """A count of events that threads can wait on; who reads it before looking for work misses none."""

    def __init__(self) -> None:
        self._renew()
        # A fork may copy the lock while another thread holds it: the child would wait on it for ever.
        os.register_at_fork(after_in_child=self._renew)

    def _renew(self) -> None:
        self._changed = threading.Condition()
        self.rings = 0

    def ring(self) -> None:
        """Wake every waiting thread."""
        with self._changed:
            self.rings += 1
            self._changed.notify_all()

    def wait(self, seen: int, seconds: float) -> None:
        """Return when the bell has rung since `rings` was `seen`, or after so many seconds."""
        with self._changed:
            self._changed.wait_for(lambda: self.rings != seen, seconds)


bell = Bell()


class QoS(virtual.QoS):
    """Prefetch accounting that wakes the consumer when a slot becomes free."""

    def ack(self, delivery_tag: str) -> None:
        """Count a message as done."""
        super().ack(delivery_tag)
        bell.ring()

    def reject(self, delivery_tag: str, requeue: bool = False) -> None:
        """Count a message as done; put it back into its queue if `requeue`."""
        super().reject(delivery_tag, requeue=requeue)
        bell.ring()


class Transport(virtual.Transport):
    """A virtual transport whose consumer waits on the bell instead of sleeping."""

    #: Seconds between two looks: the first after a delivery, and the most after looks in vain.
    shortest_wait = 1.0
    polling_interval = 1.0
    cycle: Any

    def drain_events(self, connection: object, timeout: float | None = None, **_: Any) -> None:
        """Deliver one message to its consumer.

        Args:
            connection: not used; the signature is kombu's.
            timeout: give up after so many seconds; None waits for ever.

        Raises:
            TimeoutError: nothing came in time.
        """
        give_up = None if timeout is None else monotonic() + timeout
        wait = min(self.shortest_wait, self.polling_interval)
        while True:
            seen = bell.rings  # read before looking: a ring from here on ends the wait below
            try:
                self.cycle.get(self._deliver, timeout=timeout)
                return
            except Empty:
                left = wait if give_up is None else give_up - monotonic()
            if left <= 0:
                raise TimeoutError(f"no message came within {timeout} seconds")
            bell.wait(seen, min(wait, left))
            wait = min(wait * 2, self.polling_interval)
