"""Following a job live: every event once and in order, also over connections that break."""

from __future__ import annotations

import json
from collections.abc import Iterator

import httpx
import pytest

from aetheris_site.cli.client import Api
from aetheris_site.cli.failures import Failure, Missing
from aetheris_site.cli.stream import follow, payloads
from aetheris_site.cli.waiting import Clock
from tests.faces.command_line import API, Desk, aetheris, job, ok, problem

JOB = job()["id"]
STREAM = f"GET /api/jobs/{JOB}/events/stream"


class Cut(httpx.SyncByteStream):
    """An answer that breaks off after its text."""

    def __init__(self, text: str) -> None:
        self.text = text

    def __iter__(self) -> Iterator[bytes]:
        yield self.text.encode()
        raise httpx.ReadError("connection reset")


class Hand:
    """A clock that moves only when somebody sleeps."""

    def __init__(self) -> None:
        self.time = 0.0

    def sleep(self, seconds: float) -> None:
        self.time += seconds

    @property
    def clock(self) -> Clock:
        return Clock(now=lambda: self.time, sleep=self.sleep)


def event(seq: int, kind: str = "node_started") -> dict[str, object]:
    return {"seq": seq, "type": kind, "node": "pay", "at": "2026-11-22T17:18:56.123456Z", "body": {"n": seq}}


def sse(*seqs: int, end: bool = False) -> str:
    events = [event(seq, "job_completed" if end and seq == seqs[-1] else "node_started") for seq in seqs]
    return ": hello\n\n" + "".join(f"id: {each['seq']}\ndata: {json.dumps(each)}\n\n" for each in events)


def stream(text: str) -> httpx.Response:
    return httpx.Response(200, text=text, headers={"Content-Type": "text/event-stream"})


def api(desk: Desk) -> Api:
    return Api(httpx.Client(base_url=API, transport=httpx.MockTransport(desk)))


def seqs(desk: Desk, after: int = 0, hand: Hand | None = None) -> list[object]:
    return [each["seq"] for each in follow(api(desk), JOB, after=after, clock=(hand or Hand()).clock)]


def test_messages_are_read_as_the_format_says() -> None:
    lines = [": beat", "", "id: 1", "data: a", "data:b", "", "event: x", "", "data", "", "data: unfinished"]
    assert list(payloads(lines)) == ["a\nb", ""]


def test_a_broken_connection_goes_on_behind_the_last_event() -> None:
    desk = Desk({STREAM: [httpx.Response(200, stream=Cut(sse(1, 2))), stream(sse(2, 3, 4, end=True))]})
    assert seqs(desk) == [1, 2, 3, 4]
    assert [request.headers["Last-Event-ID"] for request in desk.asked] == ["0", "2"]


def test_what_was_appended_after_the_end_of_a_job_is_told_too() -> None:
    assert seqs(Desk({STREAM: stream(sse(1, 2, end=True) + sse(3))})) == [1, 2, 3]
    cut = sse(1, 2, end=True)
    assert seqs(Desk({STREAM: [httpx.Response(200, stream=Cut(cut)), stream(sse(9))]})) == [1, 2]


def test_a_stream_that_ends_without_the_end_of_the_job_is_opened_again() -> None:
    desk = Desk(
        {STREAM: [stream(sse(1)), stream(""), stream(sse(2, end=True))], f"GET /api/jobs/{JOB}": ok(job())}
    )
    assert seqs(desk) == [1, 2]


def test_behind_the_end_of_a_job_there_is_nothing_to_follow() -> None:
    desk = Desk({STREAM: stream(""), f"GET /api/jobs/{JOB}": ok(job(status="completed"))})
    assert seqs(desk, after=7) == []


def test_a_server_that_stays_away_is_given_up_after_a_minute() -> None:
    hand = Hand()
    with pytest.raises(Failure) as failure:
        seqs(Desk({STREAM: lambda _: httpx.Response(200, stream=Cut(""))}), hand=hand)
    assert failure.value.code == "no_answer"
    assert 60 <= hand.time < 65


def test_a_refused_stream_is_not_tried_again() -> None:
    desk = Desk({STREAM: problem(404, "not_found", "no job")})
    with pytest.raises(Missing):
        seqs(desk)
    assert len(desk.asked) == 1


def test_what_is_no_event_is_not_passed_over() -> None:
    with pytest.raises(Failure, match="no event"):
        seqs(Desk({STREAM: stream("data: {}\n\n")}))


def test_following_prints_lines_and_with_json_one_list() -> None:
    desk = Desk({STREAM: stream(sse(1, 2, end=True)), f"GET /api/jobs/{JOB}": ok(job())})
    lines = aetheris("events", JOB, "--follow", desk=desk).out.splitlines()
    assert [each.split()[0] for each in lines] == ["1", "2"]
    assert [each["seq"] for each in aetheris("events", JOB, "--follow", "--json", desk=desk).json] == [1, 2]


def test_a_followed_list_that_somebody_stops_is_still_one_document() -> None:
    def interrupted() -> Iterator[bytes]:
        yield sse(1).encode()
        raise KeyboardInterrupt

    desk = Desk({STREAM: httpx.Response(200, content=interrupted()), f"GET /api/jobs/{JOB}": ok(job())})
    ended = aetheris("events", JOB, "--follow", "--json", desk=desk)
    assert ended.code == 130
    assert [each["seq"] for each in ended.json] == [1]
