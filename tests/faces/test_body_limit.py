"""Bodies over the limit are refused by the ASGI entry before anything of them is kept."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from aetheris_site.bodies import BodyLimit


def exchange(
    pieces: list[bytes], headers: dict[bytes, bytes], limit: int = 100
) -> tuple[list[Any], list[Any], int]:
    """What the client gets, what the application read, and how many pieces were taken."""
    sent: list[Any] = []
    read: list[Any] = []
    left = [
        {"type": "http.request", "body": each, "more_body": i + 1 < len(pieces)}
        for i, each in enumerate(pieces)
    ]
    total = len(left)

    async def receive() -> Any:
        return left.pop(0) if left else {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        sent.append(message)

    async def app(scope: Any, receive: Any, send: Any) -> None:
        message = await receive()
        read.append(message["body"])
        await send({"type": "http.response.start", "status": 200, "headers": []})

    scope = {"type": "http", "headers": list(headers.items())}
    asyncio.run(BodyLimit(app, limit)(scope, receive, send))
    return sent, read, total - len(left)


def test_a_declared_body_over_the_limit_never_reaches_the_application() -> None:
    sent, read, taken = exchange([b"x" * 60, b"x" * 60], {b"content-length": b"120"})
    assert (sent[0]["status"], read, taken) == (413, [], 2)
    assert json.loads(sent[1]["body"])["code"] == "too_large"


def test_an_undeclared_body_is_counted_while_it_is_read() -> None:
    sent, read, _ = exchange([b"x" * 60, b"x" * 60], {b"transfer-encoding": b"chunked"})
    assert (sent[0]["status"], read) == (413, [])


@pytest.mark.parametrize("headers", [{b"content-length": b"80"}, {b"transfer-encoding": b"chunked"}])
def test_a_body_within_the_limit_arrives_whole(headers: dict[bytes, bytes]) -> None:
    sent, read, _ = exchange([b"x" * 80], headers)
    assert (sent[0]["status"], read) == (200, [b"x" * 80])


def test_pieces_of_an_undeclared_body_are_put_together() -> None:
    _, read, _ = exchange([b"ab", b"cd"], {b"transfer-encoding": b"chunked"})
    assert read == [b"abcd"]
