"""The live stream: every event once and in order, resumed where the client was, and it ends."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Coroutine, Iterator
from threading import Barrier
from typing import Any, TypeVar
from uuid import uuid4

import pytest
from asgiref.sync import sync_to_async
from django.db import connections
from django.test import AsyncClient

from jobs import services
from jobs.api import sse
from jobs.api.sse import News, frames
from jobs.models import Job
from tests.faces import admin_stage as stage
from tests.faces.api_stage import Caller, refused

pytestmark = pytest.mark.usefixtures("engine_db")
Read = TypeVar("Read")


@pytest.fixture(autouse=True)
def _readers_let_go(engine_db: str) -> Iterator[None]:
    """The stream's threads keep connections where settings say so; the next test may use another database."""
    yield
    together = Barrier(sse.THREADS)

    def let_go() -> None:
        together.wait(10)  # each thread takes one
        connections.close_all()

    for each in [sse.READERS.submit(let_go) for _ in range(sse.THREADS)]:
        each.result(timeout=20)


def _run(reading: Coroutine[Any, Any, Read]) -> Read:
    """Run to the end, and close what the thread of the view has opened before its loop goes."""

    async def whole() -> Read:
        try:
            return await asyncio.wait_for(reading, 30)
        finally:
            await sync_to_async(connections.close_all)()

    return asyncio.run(whole())


def _events(stream: bytes) -> list[dict[str, Any]]:
    found = []
    for frame in stream.decode().split("\n\n"):
        fields = dict(line.split(": ", 1) for line in frame.splitlines() if line and not line.startswith(":"))
        if "data" in fields:
            event = json.loads(fields["data"])
            assert fields["id"] == str(event["seq"])
            found.append(event)
    return found


async def _follow(caller: Caller, job: str, query: str = "", **headers: str) -> Any:
    sent = {"Authorization": f"Bearer {caller.token}", **headers}
    return await AsyncClient().get(f"/api/jobs/{job}/events/stream{query}", headers=sent)


async def _body(answer: Any) -> bytes:
    return b"".join([chunk async for chunk in answer.streaming_content])


def _ended() -> tuple[Caller, str]:
    caller, job = Caller(), stage.job(stage.waiting("go"))
    services.signal(job, "go", actor=stage.actor(caller.user))
    return caller, job


def test_the_stream_of_an_ended_job_tells_everything_and_ends() -> None:
    caller, job = _ended()

    async def read() -> Any:
        answer = await _follow(caller, job, Accept="text/event-stream")
        return answer, await _body(answer)

    answer, body = _run(read())
    assert answer.headers["Content-Type"] == "text/event-stream"
    assert "no-cache" in answer.headers["Cache-Control"]
    assert _events(body) == caller.get(f"jobs/{job}/events?limit=1000").json()["results"]


@pytest.mark.parametrize(
    ("query", "headers"),
    [("", {"Last-Event-ID": "3"}), ("?after=3", {}), ("?after=1", {"Last-Event-ID": "3"})],
)
def test_the_stream_goes_on_behind_the_last_event_seen(query: str, headers: dict[str, str]) -> None:
    caller, job = _ended()

    async def read() -> bytes:
        return await _body(await _follow(caller, job, query, **headers))

    assert [event["seq"] for event in _events(_run(read()))][:2] == [4, 5]


def test_who_has_seen_the_end_is_told_not_to_ask_again() -> None:
    caller, job = _ended()
    head = caller.get(f"jobs/{job}").json()["head"]["seq"]
    assert caller.get(f"jobs/{job}/events/stream", **{"Last-Event-ID": str(head)}).status_code == 204


def test_an_event_that_comes_while_somebody_follows_reaches_them() -> None:
    caller, job = Caller(), stage.job(stage.waiting("go"))
    head = Job.objects.get(pk=job).head_seq
    actor = stage.actor(caller.user)

    async def read() -> list[dict[str, Any]]:
        answer = await _follow(caller, job)
        seen = b""
        sent = False
        async for chunk in answer.streaming_content:
            seen += chunk
            if not sent and len(_events(seen)) == head:
                await sync_to_async(services.signal)(job, "go", actor=actor)
                sent = True
        return _events(seen)

    events = _run(read())
    assert [event["seq"] for event in events] == list(range(1, len(events) + 1))
    assert events[-1]["type"] == "job_completed"


def test_in_long_silence_a_comment_is_sent() -> None:
    async def nothing(after: int) -> News:
        return News([], over=False)

    async def first(stream: AsyncIterator[bytes], count: int) -> list[bytes]:
        return [await anext(stream) for _ in range(count)]

    sent = asyncio.run(first(frames(nothing, 0, poll=0, heartbeat=0), 3))
    assert sent == [b"retry: 1000\n\n", b": still here\n\n", b": still here\n\n"]


def test_without_news_no_comment_comes_before_its_time() -> None:
    looks = iter([News([], over=False)] * 5 + [News([{"seq": 1}], over=True)])

    async def see(after: int) -> News:
        return next(looks)

    async def every() -> list[bytes]:
        return [frame async for frame in frames(see, 0, poll=0, heartbeat=3600)]

    assert asyncio.run(every()) == [b"retry: 1000\n\n", b'id: 1\ndata: {"seq": 1}\n\n']


def test_a_stream_of_no_job_is_refused_as_a_problem_though_a_stream_was_asked_for() -> None:
    caller = Caller()
    address = f"jobs/{uuid4()}/events/stream"
    refused(caller.get(address, Accept="text/event-stream"), 404, "not_found")
    refused(caller.client.get(f"/api/{address}?after=x"), 404, "not_found")
