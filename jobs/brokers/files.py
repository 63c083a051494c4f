"""A broker without a server: a message is a file, and whoever removes the file has received the message.

A writer works aside and renames, so nobody sees half a file. Removing a name succeeds for exactly one process,
so no file is left in flight when a process is killed; what it had taken is lost, as the runtime expects of a
knock. A file that cannot be read is set aside in `broken/`. Nothing is synced to disk.
"""

from __future__ import annotations

import shutil
from collections import deque
from collections.abc import Callable
from errno import ENOENT
from hashlib import sha256
from pathlib import Path
from queue import Empty
from time import monotonic, time_ns
from typing import Any
from urllib.parse import unquote
from uuid import uuid4

from kombu.log import get_logger
from kombu.transport import virtual
from kombu.utils.json import dumps, loads

from jobs.brokers import waking
from jobs.brokers.folder import age, identity, names, remove, safe_name, write

# A queue of a passing consumer (remote control, events) lives while its mark is renewed.
_RENEW_SECONDS = 15.0
_ABANDONED_SECONDS = 60.0

log = get_logger(__name__)


class Channel(virtual.Channel):
    """One user of a folder of queues.

    Raises:
        OSError: the folder cannot be created, read or written; to Celery that is a lost connection.
    """

    QoS = waking.QoS
    supports_fanout = True
    state: Any

    def __init__(self, connection: Transport, **kwargs: Any) -> None:
        super().__init__(connection, **kwargs)
        root = connection.folder
        self._listed: dict[str, deque[str]] = {}
        self._renewed = connection.renewed
        self._queues, self._bindings, self._passing = root / "queues", root / "bindings", root / "passing"
        self._writing, self._broken = root / "writing", root / "broken"
        for folder in (root, self._queues, self._bindings, self._passing, self._writing, self._broken):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._root, self._identity = (
            root,
            identity(root),
        )  # which stays: all that is ever made in it is there now
        self._tidy()

    def _still_there(self) -> None:
        """A folder that was removed has lost what was declared in it: only a new channel makes that anew."""
        if identity(self._root) != self._identity:
            raise FileNotFoundError(
                ENOENT, "the broker's folder was removed; it is made anew", str(self._root)
            )

    def _new_queue(self, queue: str, auto_delete: bool = False, **_: Any) -> None:
        (self._queues / safe_name(queue)).mkdir(mode=0o700, exist_ok=True)
        if auto_delete:
            self._renewed[queue] = float("-inf")
            self._renew(queue)

    def _has_queue(self, queue: str, **_: Any) -> bool:
        return (self._queues / safe_name(queue)).is_dir()

    def _put(self, queue: str, message: Any, **_: Any) -> None:
        self._still_there()
        folder = self._queues / safe_name(queue)
        if not message["properties"]["delivery_info"].get("exchange"):
            folder.mkdir(mode=0o700, exist_ok=True)  # addressed by its name, so it is wanted
        elif not folder.is_dir() or self._abandoned(queue):
            return  # bound to an exchange, but nobody reads it any more
        write(folder / f"{time_ns():020d}-{uuid4().hex}", dumps(message), aside=self._writing)
        waking.bell.ring()

    def _put_fanout(self, exchange: str, message: Any, routing_key: str, **_: Any) -> None:
        for queue in {bound for _key, _pattern, bound in self.get_table(exchange)}:
            self._put(queue, message)

    def _get(self, queue: str, timeout: float | None = None) -> Any:
        if queue in self._renewed:
            self._renew(queue)
        folder = self._queues / safe_name(queue)
        # One listing serves many reads, or a long queue would be listed and sorted once for each message.
        listed = self._listed.setdefault(queue, deque())
        if not listed:
            self._still_there()
            listed.extend(names(folder))
        while listed:
            path = folder / listed.popleft()
            payload = self._read(path, lambda value: self.Message(value, channel=self))
            if payload is not None and remove(path):
                return payload
        raise Empty

    def _size(self, queue: str) -> int:
        return len(names(self._queues / safe_name(queue)))

    def _purge(self, queue: str) -> int:
        folder = self._queues / safe_name(queue)
        return sum(remove(folder / name) for name in names(folder))

    def _queue_bind(self, exchange: str, *binding: str | None) -> None:
        # Kombu's own table would grow with each question that remote control asks; ours is the folder.
        self.state.exchanges.get(exchange, {"table": []})["table"].clear()
        path = self._binding(exchange, binding)
        path.parent.mkdir(mode=0o700, exist_ok=True)
        write(path, dumps(binding), aside=self._writing)

    def get_table(self, exchange: str) -> list[Any]:
        """The bindings of an exchange, of all processes: routing key, pattern, queue."""
        self._still_there()
        folder = self._bindings / safe_name(exchange)
        table = []
        for path in map(folder.joinpath, names(folder)):
            binding = self._read(path, _check_binding)
            if binding is not None and self._has_queue(binding[2]):
                table.append(tuple(binding))
            elif binding is not None:
                remove(path)  # its queue was deleted by another process
        return table

    def _delete(self, queue: str, exchange: str, *binding: str | None, **_: Any) -> None:
        remove(self._binding(exchange, binding))
        self._forget(queue)

    def _forget(self, queue: str) -> None:
        self._renewed.pop(queue, None)
        shutil.rmtree(self._queues / safe_name(queue), ignore_errors=True)
        remove(self._passing / safe_name(queue))

    def _renew(self, queue: str) -> None:
        """Show that the queue is read; what another process tidied meanwhile is made anew."""
        if monotonic() - self._renewed[queue] < _RENEW_SECONDS:
            return
        self._renewed[queue] = monotonic()
        (self._queues / safe_name(queue)).mkdir(mode=0o700, exist_ok=True)
        (self._passing / safe_name(queue)).touch()
        for exchange, routing_key, arguments in list(self.state.queue_bindings(queue)):
            kind: Any = self.typeof(exchange)
            self._queue_bind(exchange, *kind.prepare_bind(queue, exchange, routing_key, arguments))

    def _abandoned(self, queue: str) -> bool:
        return age(self._passing / safe_name(queue)) > _ABANDONED_SECONDS

    def _tidy(self) -> None:
        """Remove what killed processes left: half-written files, queues of passing consumers."""
        for name in names(self._writing):
            if age(self._writing / name) > _ABANDONED_SECONDS:
                remove(self._writing / name)
        for queue in map(unquote, names(self._passing)):
            if self._abandoned(queue):
                self._forget(queue)

    def _binding(self, exchange: str, binding: tuple[str | None, ...]) -> Path:
        return self._bindings / safe_name(exchange) / sha256(dumps(binding).encode()).hexdigest()

    def _read(self, path: Path, check: Callable[[Any], object]) -> Any:
        """The value in a file; None if the file is gone, or was set aside because it makes no sense."""
        try:
            value = loads(path.read_bytes())
            check(value)
        except FileNotFoundError:
            return None
        except Exception as error:  # whatever is wrong with one file, the worker lives on
            log.error("%s is not a message (%r): set aside in %s", path, error, self._broken)
            self._set_aside(path)
            return None
        return value

    def _set_aside(self, path: Path) -> None:
        try:
            path.rename(self._broken / f"{path.name}-{uuid4().hex}")
        except FileNotFoundError:
            log.debug("%s was set aside by another process", path)


class Transport(waking.Transport):
    """`aetheris+files:///folder`: any number of processes and threads of one machine share the folder.

    Raises:
        ValueError: the address names no absolute folder.
    """

    Channel = Channel
    shortest_wait, polling_interval = 0.005, 0.02
    driver_type = driver_name = "files"
    connection_errors = (*virtual.Transport.connection_errors, OSError)
    recoverable_connection_errors = connection_errors
    implements = virtual.Transport.implements.extend(exchange_type=frozenset(["direct", "topic", "fanout"]))

    def __init__(self, client: Any, **kwargs: Any) -> None:
        super().__init__(client, **kwargs)
        self.folder = Path(unquote(client.hostname.partition("://")[2]))
        self.renewed: dict[str, float] = {}
        if not self.folder.is_absolute():
            raise ValueError(
                f"the broker address aetheris+{client.hostname} names no absolute folder: "
                "write aetheris+files:///path/to/folder, with three slashes"
            )

    def driver_version(self) -> str:
        """The version that `celery report` shows."""
        return "1"


def _check_binding(value: Any) -> None:
    routing_key, pattern, queue = value
    if not (isinstance(routing_key, str) and isinstance(pattern, str | None) and isinstance(queue, str)):
        raise TypeError("a binding has a routing key, a pattern and a queue")
