"""A ZIP in one exact form: fixed order, fixed date, no extra field, no comment, sizes known before the headers.

`forensics.standalone` refuses every other form, so that no byte outside the contents is free. Each file's header is
written with nothing in it, and again once its content has gone by: nothing is held in memory.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from typing import Any, BinaryIO

from jobs.core.errors import TooLarge

from ..standalone import FILES, STORED, central_header, end_record, local_header

LEVEL = 6
LARGEST = 0xFFFFFFFF  # 4 GiB: beyond, a ZIP needs another form


class Sink:
    """One file of a package while it is written."""

    def __init__(self, out: BinaryIO, name: str) -> None:
        self.out, self.name = out, name
        self.offset = out.tell()
        self.size = self.packed = self.crc = 0
        self._content, self._outside = sha256(), sha256()
        self._deflate = None if name in STORED else zlib.compressobj(LEVEL, zlib.DEFLATED, -15)
        out.write(local_header(name, 0, 0, 0))

    def write(self, data: bytes) -> int:
        """Add bytes to the file."""
        self.size += len(data)
        self.crc = zlib.crc32(data, self.crc)
        self._content.update(data)
        self._put(data if self._deflate is None else self._deflate.compress(data))
        return len(data)

    def close(self) -> None:
        """End the file, and write its header again with what is known now.

        Raises:
            TooLarge: the package grew beyond what this form of ZIP can hold.
        """
        if self._deflate is not None:
            self._put(self._deflate.flush())
        end = self.out.tell()
        if end > LARGEST or self.size > LARGEST:
            raise TooLarge(
                f"the package grew beyond 4 GiB at {self.name}; export a fork's part, or redact large values"
            )
        self.out.seek(self.offset)
        self.out.write(local_header(self.name, self.crc, self.packed, self.size))
        self.out.seek(end)

    def entry(self) -> dict[str, Any]:
        """The file as the manifest names it."""
        return {"name": self.name, "size": self.size, "sha256": self._content.hexdigest(), "packed": self.packed,
                "packed_sha256": self._outside.hexdigest()}  # fmt: skip

    def _put(self, data: bytes) -> None:
        self.packed += len(data)
        self._outside.update(data)
        self.out.write(data)


class Zip:
    """The package while it is written; its files come in the order of `standalone.FILES`."""

    def __init__(self, out: BinaryIO) -> None:
        self.out = out
        self.sinks: list[Sink] = []

    @contextmanager
    def file(self, name: str) -> Iterator[Sink]:
        """Write the next file."""
        assert name == FILES[len(self.sinks)], f"{name} is not the next file of a package"
        sink = Sink(self.out, name)
        yield sink
        sink.close()
        self.sinks.append(sink)

    def put(self, name: str, content: bytes) -> None:
        """Write the next file in one go."""
        with self.file(name) as sink:
            sink.write(content)

    def entries(self) -> list[dict[str, Any]]:
        """The files written so far, as the manifest names them."""
        return [sink.entry() for sink in self.sinks]

    def end(self) -> None:
        """Write the central directory."""
        offset = self.out.tell()
        for sink in self.sinks:
            self.out.write(central_header(sink.name, sink.crc, sink.packed, sink.size, sink.offset))
        self.out.write(end_record(len(self.sinks), self.out.tell() - offset, offset))
