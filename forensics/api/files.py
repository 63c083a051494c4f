"""Files as answers: streamed from disk in pieces, under ASGI and WSGI alike, and gone once they have been read."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import BinaryIO

from asgiref.sync import sync_to_async
from django.core.handlers.asgi import ASGIRequest
from django.http import FileResponse, HttpRequest, StreamingHttpResponse

PIECE = 1 << 16


def zip_answer(request: HttpRequest, path: Path, name: str) -> StreamingHttpResponse:
    """A ZIP to be saved under a name. The file may be unlinked as soon as this returns: it stays open.

    Args:
        request: how the answer is consumed depends on it.
        path: the file.
        name: under which a browser saves it; ASCII.
    """
    file, size = path.open("rb"), path.stat().st_size
    if isinstance(
        request, ASGIRequest
    ):  # a synchronous iterator would be read whole before the first byte leaves
        answer = StreamingHttpResponse(_pieces(file), content_type="application/zip")
        answer.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    else:
        answer = FileResponse(file, as_attachment=True, filename=name, content_type="application/zip")
    answer.headers["Content-Length"] = str(size)
    answer.headers["Cache-Control"] = "no-store"
    return answer


async def _pieces(file: BinaryIO) -> AsyncIterator[bytes]:
    read = sync_to_async(file.read, thread_sensitive=False)
    try:
        while piece := await read(PIECE):
            yield piece
    finally:
        file.close()
