"""The live events of a job (SSE): after a broken connection the stream goes on behind the last event seen."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import httpx

from .client import Api, broken, refuse
from .failures import Failure
from .paths import job_path
from .waiting import ENDED, Clock

TERMINAL = ("job_completed", "job_failed", "job_cancelled")
_TIMES = httpx.Timeout(60.0, connect=5.0)  # the server says something at least every few seconds
_PATIENCE = 60.0


def payloads(lines: Iterable[str]) -> Iterator[str]:
    """The data of each message in the lines of an SSE stream; comments and other fields are passed over."""
    data: list[str] = []
    for each in lines:
        name, _, value = each.partition(":")
        if name == "data":
            data.append(value.removeprefix(" "))
        elif not each and data:
            yield "\n".join(data)
            data = []


def follow(api: Api, job: str, *, after: int = 0, clock: Clock | None = None) -> Iterator[Mapping[str, Any]]:
    """Every event of a job from behind `after` to its end, each once, as they come.

    The server ends the stream of an ended job; what was appended after the end comes before that.

    Raises:
        Failure: no such job, refused, or the server stays away for a minute.
    """
    clock = clock or Clock()
    silent_since, ended = clock.now(), False
    while not ended:
        begun_after = after
        try:
            for event in _connection(api, job, after):
                after, silent_since = int(event["seq"]), clock.now()
                ended = ended or event["type"] in TERMINAL
                yield event
            if after == begun_after and _is_over(api, job):
                return
        except Failure as failure:
            if failure.code not in ("unreachable", "no_answer") or clock.now() - silent_since >= _PATIENCE:
                raise
        if not ended:
            clock.sleep(1.0)


def _connection(api: Api, job: str, after: int) -> Iterator[Mapping[str, Any]]:
    """The events of one connection, however it ends; one that came before is passed over."""
    headers = {"Accept": "text/event-stream", "Last-Event-ID": str(after)}
    path = f"{job_path(job)}/events/stream"
    try:
        with api.http.stream("GET", path, headers=headers, timeout=_TIMES) as answer:
            if not answer.is_success:
                answer.read()
                refuse(answer)
            events = (_parsed(data, api) for data in payloads(answer.iter_lines()))
            yield from (event for event in events if int(event["seq"]) > after)
    except httpx.HTTPError as error:
        raise broken(api.address, error, changes=False) from error


def _parsed(data: str, api: Api) -> Mapping[str, Any]:
    try:
        event: Any = json.loads(data)
        int(event["seq"]), str(event["type"])
    except (ValueError, KeyError, TypeError) as error:
        raise Failure(
            f"{api.address} sent something that is no event: {data[:80]}", code="not_aetheris"
        ) from error
    return event


def _is_over(api: Api, job: str) -> bool:
    """Whether a stream that told nothing new has nothing more to tell, and was not merely cut."""
    return api.get(job_path(job))["status"] in ENDED
