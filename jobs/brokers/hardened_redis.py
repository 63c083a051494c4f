"""Redis and Valkey: kombu's transport, without the fault that ends a worker when the server restarts.

With Celery 5.7.0, when the server goes while a late-acknowledged task runs, the closing channel (and later the
task's acknowledgement) asks a connection that is gone already for a client, and the worker exits. Both would
only tidy the broker's own book of unacknowledged messages: on a dead channel they are left out, and the
message returns after the visibility timeout, as after a crash.
"""

from __future__ import annotations

from typing import Any

from kombu.transport import redis, virtual

_Channel: Any = redis.Channel  # its published types leave out the parts that are replaced here


class QoS(redis.QoS):
    """Acknowledgements that do nothing on a channel whose connection is gone."""

    _delivered: Any

    def _dead(self) -> bool:
        return getattr(self.channel.connection, "client", None) is None

    def ack(self, delivery_tag: str) -> None:
        """Acknowledge a message; on a dead channel only forget it."""
        if self._dead():
            virtual.QoS.ack(self, delivery_tag)
        else:
            super().ack(delivery_tag)

    def reject(self, delivery_tag: str, requeue: bool = False) -> None:
        """Put a message back or drop it; on a dead channel only forget it."""
        if self._dead():
            virtual.QoS.ack(self, delivery_tag)
        else:
            super().reject(delivery_tag, requeue)

    def restore_unacked(self, client: Any = None) -> None:
        """Put all unacknowledged messages back; on a dead channel only forget them."""
        if self._dead():
            self._delivered.clear()
        else:
            super().restore_unacked(client)


class Channel(_Channel):
    """A channel that keeps one client for all its commands but the blocking one.

    Stock kombu builds a new client, with its table of some 170 callbacks, for each publish and each ack. A
    client over a pool may be shared between threads.
    """

    QoS = QoS
    _shared: Any = None

    def _create_client(self, asynchronous: bool = False) -> Any:
        if asynchronous:
            return super()._create_client(asynchronous=True)
        if self._shared is None or self._shared.connection_pool is not self._pool:
            self._shared = super()._create_client()
        return self._shared


class Transport(redis.Transport):
    """What `redis://`, `rediss://` and `redis+socket://` mean once `celery_defaults.configure` has run."""

    Channel = Channel
