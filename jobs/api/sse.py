"""Events as they happen, over one response that stays open (server-sent events)."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from time import monotonic
from typing import Any

from asgiref.sync import sync_to_async
from django.db import close_old_connections
from django.http import StreamingHttpResponse

from ..models import Job
from ..queries import wire_events
from ..queries.jobs import ENDED

POLL = 0.15  # seconds between two looks
HEARTBEAT = 15.0  # seconds of silence after which a comment keeps proxies from closing
BATCH = 200
HEADERS = {"Cache-Control": "no-cache, no-transform", "X-Accel-Buffering": "no"}

# However many streams are open, they look through these few threads, each with one connection.
THREADS = 4
READERS = ThreadPoolExecutor(max_workers=THREADS, thread_name_prefix="event-streams")


@dataclass(frozen=True)
class News:
    """What one look found.

    Args:
        events: behind the last one seen, at most a batch.
        over: the job has ended and this is all.
    """

    events: list[dict[str, Any]]
    over: bool


def look(job: Job, after: int) -> News:
    """One look at the database, through a connection that is kept or given back as settings say."""
    close_old_connections()
    try:
        # The head first: what it says has ended has all its events written.
        head = Job.objects.filter(id=job.id).values_list("status", "head_seq").first()
        if head is None:
            return News([], over=True)
        events = wire_events(job, after, BATCH) if head[1] > after else []
        return News(events, over=head[0] in ENDED and len(events) < BATCH)
    finally:
        close_old_connections()


async def frames(
    see: Callable[[int], Any], after: int, *, poll: float = POLL, heartbeat: float = HEARTBEAT
) -> AsyncIterator[bytes]:
    """The stream's bytes: a frame for each event, a comment in long silence, and the end after the job's end.

    Args:
        see: what is new behind a number, awaited; returns `News`.
        after: the last number that the client has.
        poll: seconds between two looks that find nothing.
        heartbeat: seconds of silence before a comment.
    """
    yield b"retry: 1000\n\n"
    spoke = monotonic()
    while True:
        news: News = await see(after)
        for event in news.events:
            after = event["seq"]
            yield f"id: {after}\ndata: {json.dumps(event)}\n\n".encode()
            spoke = monotonic()
        if news.over:
            return
        if monotonic() - spoke >= heartbeat:
            yield b": still here\n\n"
            spoke = monotonic()
        if not news.events:
            await asyncio.sleep(poll)


def stream_of(job: Job, after: int) -> StreamingHttpResponse:
    """The response that follows a job from behind `after` to its end."""
    see = sync_to_async(lambda last: look(job, last), thread_sensitive=False, executor=READERS)
    return StreamingHttpResponse(frames(see, after), content_type="text/event-stream", headers=HEADERS)
