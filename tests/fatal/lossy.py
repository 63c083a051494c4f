"""A line to Postgres that loses answers: a proxy that cuts, keeps or delays exactly the commits it is told to.

It speaks as much of the protocol as it needs: it cuts the stream into messages, holds what a client says until
the client waits for an answer, and so sees a commit before the server does. An `INSERT`, `UPDATE` or `DELETE`
outside a transaction is a commit too, and so is the one statement of an ordinary step, prepared or not.
"""

from __future__ import annotations

import asyncio
import re
import tempfile
import threading
from collections.abc import Coroutine
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Self
from urllib.parse import quote, urlsplit, urlunsplit

from psycopg.conninfo import conninfo_to_dict

Fate = Literal["gone", "written", "under_way", "late"]
GRACE = 0.3  # seconds that a commit under way stays so, after its client has lost the line
_TELLS = frozenset(b"QS")  # after these messages a client waits for an answer
_WRITES = re.compile(rb"\s*(INSERT|UPDATE|DELETE|WITH head AS)\b", re.IGNORECASE)
_IDLE = ord("I")


@dataclass
class Loss:
    """What happens to one commit.

    `gone`: the server never hears of it · `written`: it takes effect, its answer does not arrive · `under_way`: the
    client loses the line first, the server hears of it a little later · `late`: the answer comes, but late. With
    `held` the client hears nothing until `release`, neither an answer nor the cut, or gets nothing through if it has lost
    the line.
    """

    mark: bytes
    fate: Fate
    held: bool = False
    met: threading.Event = field(default_factory=threading.Event)
    _gate: asyncio.Event = field(default_factory=asyncio.Event)
    _release: Any = None

    def release(self) -> None:
        """Let the client hear."""
        self._release()


class Line:
    """One client's connection."""

    def __init__(self, owner: LossyPostgres, client: Any, server: Any) -> None:
        self.owner = owner
        self.from_client, self.to_client = client
        self.from_server, self.to_server = server
        self.status = _IDLE
        self.said = b""  # since the last commit
        self.muted: bytearray | None = None  # what the server says, while the client must not hear it
        self.gate: asyncio.Event | None = None  # the client must not hear before that the server is gone
        self.answered = asyncio.Event()
        self.over = asyncio.Event()
        self.talk: list[asyncio.Future[None]] = []

    async def run(self) -> None:
        """Pass on what both say, until one of them falls silent."""
        self.talk = [asyncio.ensure_future(self._up()), asyncio.ensure_future(self._down())]
        await asyncio.wait(self.talk, return_when=asyncio.FIRST_COMPLETED)
        self.stop()
        await asyncio.gather(*self.talk, return_exceptions=True)
        self.over.set()

    def stop(self) -> None:
        """Both ends find the line dead."""
        for end in (self.to_client, self.to_server):
            end.transport.abort()
        for each in self.talk:
            each.cancel()

    async def _up(self) -> None:
        first = await self.from_client.readexactly(4)
        self._send(first + await self.from_client.readexactly(int.from_bytes(first) - 4))
        unit = b""
        while True:
            kind = await self.from_client.readexactly(1)
            size = await self.from_client.readexactly(4)
            unit += kind + size + await self.from_client.readexactly(int.from_bytes(size) - 4)
            if kind[0] in _TELLS or kind in b"XHdcfp":
                await self.owner.open.wait()
                loss = self._loss_of(unit)
                self._send(unit) if loss is None else await self._lose(loss, unit)
                unit = b""

    def _send(self, unit: bytes) -> None:
        self.to_server.write(unit)

    def _loss_of(self, unit: bytes) -> Loss | None:
        self.said += unit
        if unit[:1] == b"B" and self.status == _IDLE:
            return self.owner.due(self.said)  # bound to what has been prepared: only that statement is
        if unit[:1] not in b"QP":
            return None
        text = unit[5:] if unit[:1] == b"Q" else unit[5:].partition(b"\0")[2]
        if text.startswith(b"COMMIT") or (self.status == _IDLE and _WRITES.match(text)):
            return self.owner.due(self.said)
        return None

    async def _lose(self, loss: Loss, unit: bytes) -> None:
        loss.met.set()
        if loss.fate == "gone":
            self.gate = loss._gate if loss.held else None
            self.to_server.transport.abort()
        elif loss.fate == "under_way":
            if loss.held:  # nor may it say anything by another line
                self.owner.hang()
            self.to_client.transport.abort()
            await asyncio.sleep(GRACE)
        if loss.fate != "gone":
            self.muted = bytearray()
            self.answered.clear()
            self._send(unit)
            await self.answered.wait()
        if loss.held:
            await loss._gate.wait()
        if loss.fate != "late" or self.muted is None:
            raise ConnectionError("lost, as it was told to be")
        heard, self.muted = self.muted, None
        self.to_client.write(bytes(heard))

    async def _down(self) -> None:
        try:
            await self._pass_on()
        except (asyncio.IncompleteReadError, ConnectionError):
            if self.gate is not None:
                await self.gate.wait()
            raise

    async def _pass_on(self) -> None:
        while True:
            kind = await self.from_server.readexactly(1)
            size = await self.from_server.readexactly(4)
            rest = await self.from_server.readexactly(int.from_bytes(size) - 4)
            await self.owner.open.wait()
            if kind == b"Z":
                self.status = rest[0]
                if self.status == _IDLE:
                    self.said = b""
            if self.muted is not None:
                self.muted += kind + size + rest
                if kind == b"Z":
                    self.answered.set()
            elif not self.to_client.is_closing():
                self.to_client.write(kind + size + rest)


class LossyPostgres:
    """`with LossyPostgres(url) as line`: clients of `line.url` reach the same database, over a line that can fail."""

    def __init__(self, url: str) -> None:
        self._target = url
        self._folder = tempfile.TemporaryDirectory(prefix="aelossy-")
        self.losses: list[Loss] = []
        self._lines: set[Line] = set()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._server: Any = None
        self.open = asyncio.Event()

    @property
    def url(self) -> str:
        """The address for clients."""
        parts = urlsplit(self._target)
        user = parts.netloc.rpartition("@")[0]
        return urlunsplit(parts._replace(netloc=f"{user}@{quote(self._folder.name, safe='')}", query=""))

    def lose(self, mark: str, fate: Fate, *, held: bool = False) -> Loss:
        """The next commit whose transaction says `mark` meets this fate."""
        made = Loss(mark.encode(), fate, held)
        made._release = lambda: self._let_hear(made)
        self.losses.append(made)
        return made

    def due(self, said: bytes) -> Loss | None:
        """The fate of a commit that is about to be sent."""
        for loss in self.losses:
            if loss.mark in said:
                self.losses.remove(loss)
                return loss
        return None

    def hang(self) -> None:
        """From now on nothing passes, and nobody is told."""
        self._loop.call_soon_threadsafe(self.open.clear)

    def go_on(self) -> None:
        """What hung passes."""
        self._loop.call_soon_threadsafe(self.open.set)

    def _let_hear(self, loss: Loss) -> None:
        self.go_on()
        self._loop.call_soon_threadsafe(loss._gate.set)

    def refuse(self) -> None:
        """Cut every line and let nobody connect."""
        self._run(self._refuse())

    def accept(self) -> None:
        """Let clients connect."""
        self._run(self._listen())

    def __enter__(self) -> Self:
        self._thread.start()
        self.go_on()
        self.accept()
        return self

    def __exit__(self, *_: object) -> None:
        self.refuse()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()
        self._folder.cleanup()

    def _run(self, work: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(10)

    async def _listen(self) -> None:
        path = Path(self._folder.name) / ".s.PGSQL.5432"
        path.unlink(missing_ok=True)
        self._server = await asyncio.start_unix_server(self._serve, path)

    async def _refuse(self) -> None:
        if self._server is not None:
            self._server.close()
            (Path(self._folder.name) / ".s.PGSQL.5432").unlink(missing_ok=True)
        for line in self._lines:
            line.stop()
        await asyncio.gather(*(line.over.wait() for line in list(self._lines)))

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        known = conninfo_to_dict(self._target)
        host, port = str(known.get("host") or "localhost"), int(known.get("port") or 5432)
        try:
            if host.startswith("/"):
                server = await asyncio.open_unix_connection(f"{host}/.s.PGSQL.{port}")
            else:
                server = await asyncio.open_connection(host, port)
        except OSError:
            writer.transport.abort()
            return
        line = Line(self, (reader, writer), server)
        self._lines.add(line)
        try:
            await line.run()
        finally:
            self._lines.discard(line)
