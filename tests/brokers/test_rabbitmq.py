"""RabbitMQ, where one is given: the queues we ask for, a broken line in the middle of a task, and what comes twice.

`make test-rabbitmq` runs these and the fatal tests of messages against AETHERIS_TEST_RABBITMQ_URL.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import pytest
from amqp.exceptions import PreconditionFailed
from kombu import Connection, Queue

from tests.brokers.cut import CutLine
from tests.brokers.workers import Site, until
from tests.required import TEST_RABBITMQ_URL, missing

pytestmark = pytest.mark.fatal


@pytest.fixture
def url() -> str:
    given = os.environ.get(TEST_RABBITMQ_URL)
    if not given:
        missing("rabbitmq", f"{TEST_RABBITMQ_URL} names no RabbitMQ; start one and set it")
    with Connection(given) as line:
        Queue("aetheris")(line.default_channel).delete()
    return given


@pytest.fixture
def line(url: str) -> Iterator[CutLine]:
    """A line to the server that can be cut."""
    parts = urlsplit(url)
    with CutLine(parts.hostname or "localhost", parts.port or 5672) as made:
        yield made


def over(line: CutLine, url: str) -> str:
    parts = urlsplit(url)
    user = parts.netloc.rpartition("@")[0]
    return urlunsplit(parts._replace(netloc=f"{user}@127.0.0.1:{line.port}"))


def test_our_queues_are_quorum_queues(url: str, tmp_path: Path) -> None:
    site = Site(url, tmp_path)
    site.send("note", 1)
    with Connection(url) as line, pytest.raises(PreconditionFailed, match="x-queue-type"):
        Queue("aetheris", queue_arguments={"x-queue-type": "classic"})(line.default_channel).queue_declare()


def test_a_worker_outlives_a_broken_line_during_a_late_acknowledged_task(
    url: str, line: CutLine, tmp_path: Path
) -> None:
    site = Site(over(line, url), tmp_path)
    with site.worker("first", "-P", "threads", "-c", "2") as worker:
        site.send("hold", str(tmp_path / "release"))
        until(lambda: site.lines("begin") == ["hold"], worker)
        line.cut()
        until(lambda: "Trying again in" in worker.log.read_text(), worker)
        line.mend()
        (tmp_path / "release").touch()
        until(lambda: "hold" in site.lines("end"), worker)
        site.send("note", 1)
        until(lambda: "1" in site.lines("end"), worker)
        assert worker.stop() == 0, worker.tail()
    assert set(site.lines("end")) == {"hold", "1"}  # what was not acknowledged may come again


def test_what_a_killed_worker_had_taken_comes_to_another(url: str, tmp_path: Path) -> None:
    site = Site(url, tmp_path)
    with site.worker("first", "-P", "threads", "-c", "1") as first:
        site.send("hold", str(tmp_path / "release"))
        until(lambda: site.lines("begin") == ["hold"], first)
        first.kill()
    (tmp_path / "release").touch()
    with site.worker("second", "-P", "threads", "-c", "1") as second:
        until(lambda: site.lines("end") == ["hold"], second)
    assert site.lines("begin") == ["hold", "hold"]
