"""A broker inside one process: queues in memory, and a consumer that is woken at once."""

from __future__ import annotations

import threading
from queue import Empty, SimpleQueue
from typing import Any, ClassVar

from kombu.transport import virtual

from jobs.brokers import waking

# Threads declare at the same time, and kombu's "look, then create" would forget one of two bindings.
_declaring = threading.RLock()


class Channel(virtual.Channel):
    """One user of the process's queues. Messages live no longer than the process."""

    QoS = waking.QoS
    supports_fanout = True
    do_restore = True
    queues: ClassVar[dict[str, SimpleQueue[Any]]] = {}

    def _queue(self, name: str) -> SimpleQueue[Any]:
        return self.queues.setdefault(name, SimpleQueue())

    def _new_queue(self, queue: str, **_: Any) -> None:
        self._queue(queue)

    def _has_queue(self, queue: str, **_: Any) -> bool:
        return queue in self.queues

    def _put(self, queue: str, message: Any, **_: Any) -> None:
        self._queue(queue).put(message)
        waking.bell.ring()

    def _put_fanout(self, exchange: str, message: Any, routing_key: str, **_: Any) -> None:
        for queue in self._lookup(exchange, routing_key):
            self._put(queue, message)

    def _get(self, queue: str, timeout: float | None = None) -> Any:
        return self._queue(queue).get_nowait()

    def _size(self, queue: str) -> int:
        return self._queue(queue).qsize()

    def _purge(self, queue: str) -> int:
        waiting, count = self._queue(queue), 0
        while True:
            try:
                waiting.get_nowait()
            except Empty:
                return count
            count += 1

    def _delete(self, queue: str, exchange: str, *binding: Any, **_: Any) -> None:
        self.queues.pop(queue, None)
        table = self.get_table(exchange)
        table[:] = [bound for bound in table if bound[2] != queue]

    def _queue_bind(self, *_: Any) -> None:
        """Nothing more to do: kombu's own table is the whole memory."""

    def exchange_declare(self, *args: Any, **kwargs: Any) -> None:
        """Create an exchange unless it is there; threads may do so at once."""
        with _declaring:
            super().exchange_declare(*args, **kwargs)

    def queue_bind(self, *args: Any, **kwargs: Any) -> None:
        """Bind a queue to an exchange; threads may do so at once."""
        with _declaring:
            super().queue_bind(*args, **kwargs)

    def queue_delete(self, *args: Any, **kwargs: Any) -> None:
        """Delete a queue, its messages and its bindings; threads may do so at once."""
        with _declaring:
            super().queue_delete(*args, **kwargs)


class Transport(waking.Transport):
    """`aetheris+local://`: what one thread sends, another receives, within a millisecond and without polling."""

    Channel = Channel
    state_of_all = virtual.BrokerState()
    driver_type = driver_name = "local"
    implements = virtual.Transport.implements.extend(exchange_type=frozenset(["direct", "topic", "fanout"]))

    def __init__(self, client: Any, **kwargs: Any) -> None:
        super().__init__(client, **kwargs)
        self.state = self.state_of_all

    def driver_version(self) -> str:
        """The version that `celery report` shows."""
        return "1"
