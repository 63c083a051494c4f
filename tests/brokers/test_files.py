"""The broker of files by itself: many writers and readers, kills of a writer, and nothing left behind."""

from __future__ import annotations

import os
import resource
import shutil
import sys
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from time import monotonic

import pytest
from kombu import Connection, Consumer, Exchange, Queue

from jobs.brokers import files
from jobs.celery_defaults import register_transports
from tests.brokers.workers import ROOT, until
from tests.processes import Leashed

LARGE = "x" * 200_000  # several writes of the system: a reader that looked too early would see a part

_ENDLESS_WRITER = """
import itertools, sys
from kombu import Connection
from jobs.celery_defaults import register_transports
register_transports()
queue = Connection(sys.argv[1]).SimpleQueue("large")
for number in itertools.count():
    queue.put({"number": number, "text": "x" * 200_000})
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    register_transports()
    return tmp_path / "a broker"


@pytest.fixture
def url(folder: Path) -> str:
    return f"aetheris+files://{folder}"


def left(folder: Path) -> set[str]:
    """The parts of the broker's folder in which there is a file."""
    return {path.relative_to(folder).parts[0] for path in folder.rglob("*") if path.is_file()}


def age(path: Path) -> None:
    """Make a file look as if it had been written an hour ago."""
    old = path.stat().st_mtime - 3600
    os.utime(path, (old, old))


def test_many_writers_and_readers_pass_each_message_whole_and_once(url: str, folder: Path) -> None:
    got: Counter[int] = Counter()
    counting, give_up = threading.Lock(), monotonic() + 20

    def put(writer: int) -> None:
        with Connection(url) as connection:
            queue = connection.SimpleQueue("large")
            for number in range(writer * 50, writer * 50 + 50):
                queue.put({"number": number, "text": LARGE})

    def take() -> None:
        with Connection(url) as connection:
            queue = connection.SimpleQueue("large")
            while sum(got.values()) < 200 and monotonic() < give_up:
                try:
                    message = queue.get(timeout=0.05)
                except queue.Empty:
                    continue
                assert message.payload["text"] == LARGE
                message.ack()
                with counting:
                    got[message.payload["number"]] += 1

    with ThreadPoolExecutor(8) as pool:
        jobs = [*(pool.submit(put, writer) for writer in range(4)), *(pool.submit(take) for _ in range(4))]
        for job in jobs:
            job.result(60)
    assert got == Counter(range(200))
    assert left(folder) == {"bindings"}


@pytest.mark.fatal
def test_a_writer_killed_at_any_moment_leaves_no_half_message(url: str, folder: Path, tmp_path: Path) -> None:
    with Connection(url) as connection:
        queue = connection.SimpleQueue("large")
        for _ in range(3):
            writer = Leashed([sys.executable, "-c", _ENDLESS_WRITER, url], log=tmp_path / "log", cwd=ROOT)
            until(lambda: queue.qsize() > 20, writer)
            writer.kill()
            while queue.qsize():
                message = queue.get(timeout=5)
                assert message.payload["text"] == LARGE
                message.ack()
    assert list((folder / "broken").iterdir()) == []


def test_a_file_that_a_killed_writer_left_is_removed_later(url: str, folder: Path) -> None:
    with Connection(url) as connection:
        connection.channel()
        for name in ("new", "old"):
            (folder / "writing" / name).touch()
        age(folder / "writing" / "old")
        connection.channel()
    assert [path.name for path in (folder / "writing").iterdir()] == ["new"]


def test_only_the_owner_may_enter_the_folder(url: str, folder: Path) -> None:
    with Connection(url) as connection:
        connection.SimpleQueue("a").put("secret")
        modes = {path: path.stat().st_mode & 0o777 for path in [folder, *folder.rglob("*")] if path.is_dir()}
    assert set(modes.values()) == {0o700}, modes


def test_messages_come_in_the_order_in_which_they_were_sent(url: str) -> None:
    with Connection(url) as connection:
        queue = connection.SimpleQueue("a")
        for number in range(50):
            queue.put(number)
        assert [queue.get(timeout=5).payload for _ in range(50)] == list(range(50))


def test_a_message_that_was_not_acknowledged_returns_when_its_consumer_closes(url: str) -> None:
    with Connection(url) as first:
        queue = first.SimpleQueue("a")
        queue.put("done")
        queue.put("not done")
        queue.get(timeout=5).ack()
        assert queue.get(timeout=5).payload == "not done"
    with Connection(url) as second:
        assert second.SimpleQueue("a").get(timeout=5).payload == "not done"


def test_purging_a_queue_counts_and_removes_its_messages_alone(url: str) -> None:
    with Connection(url) as connection:
        for name in ("a", "a", "b"):
            connection.SimpleQueue(name).put(name)
        assert connection.SimpleQueue("a").clear() == 2
        assert connection.SimpleQueue("b").qsize() == 1


def test_no_name_of_a_queue_leads_out_of_the_folder(url: str, folder: Path) -> None:
    with Connection(url) as connection:
        for name in ("..", "../../escaped", "/etc/escaped", "a.b", "ü"):
            connection.SimpleQueue(name).put(name)
            assert connection.SimpleQueue(name).get(timeout=5).payload == name
    assert [path.name for path in folder.parent.iterdir()] == [folder.name]
    assert len(list((folder / "queues").iterdir())) == 5


def _listener(name: str) -> Queue:
    return Queue(name, Exchange("news", type="fanout", durable=False), durable=False, auto_delete=True)


def _tell(connection: Connection) -> None:
    with connection.Producer() as producer:
        producer.publish("news", exchange=Exchange("news", type="fanout", durable=False))


def test_a_broadcast_reaches_every_listener_and_skips_those_that_are_gone(url: str, folder: Path) -> None:
    with Connection(url) as here, Connection(url) as gone, Connection(url) as sender:
        heard: list[object] = []
        consumer = Consumer(
            here.channel(), [_listener("here")], callbacks=[lambda body, _: heard.append(body)]
        )
        with consumer:
            _listener("gone")(gone.channel()).declare()
            _tell(sender)
            assert len(list((folder / "queues" / "gone").iterdir())) == 1
            age(folder / "passing" / "gone")
            _tell(sender)
            assert len(list((folder / "queues" / "gone").iterdir())) == 1
            sender.channel()  # tidies
            assert not (folder / "queues" / "gone").exists()
            _tell(sender)
            for _ in range(3):
                here.drain_events(timeout=5)
    assert heard == ["news"] * 3
    assert len(list((folder / "bindings" / "news").iterdir())) == 1


def test_a_listener_that_was_taken_for_gone_makes_itself_known_again(
    url: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "_RENEW_SECONDS", 0.0)
    with Connection(url) as here, Connection(url) as sender:
        heard: list[object] = []
        consumer = Consumer(
            here.channel(), [_listener("here")], callbacks=[lambda body, _: heard.append(body)]
        )
        with consumer:
            age(folder / "passing" / "here")
            sender.channel()  # tidies
            assert not (folder / "queues" / "here").exists()
            with pytest.raises(TimeoutError):
                here.drain_events(timeout=0)
            _tell(sender)
            here.drain_events(timeout=5)
    assert heard == ["news"]


@pytest.mark.parametrize(
    "address", ["aetheris+files://", "aetheris+files://var/broker", "aetheris+else:///x"]
)
def test_an_address_that_names_no_folder_is_refused_with_the_form_to_write(address: str) -> None:
    register_transports()
    with pytest.raises(ValueError, match="write aetheris\\+files:///path/to/folder"):
        Connection(address).connect()


def test_a_folder_that_was_removed_under_a_producer_is_made_anew(url: str, folder: Path) -> None:
    """What was in it is lost; what comes after the loss arrives, though the queue had been declared before it."""
    queue = Queue("steps", Exchange("steps", "direct"), "steps")
    with Connection(url) as line, Connection(url) as other:
        producer = line.Producer()
        for number in range(3):
            producer.publish(
                number, exchange=queue.exchange, routing_key="steps", declare=[queue], retry=True
            )
            shutil.rmtree(folder)
        other.SimpleQueue("others").put(1)  # another process is the first to make it anew
        producer.publish(3, exchange=queue.exchange, routing_key="steps", declare=[queue], retry=True)
        with Connection(url) as reader:
            assert reader.SimpleQueue("steps").get(timeout=5).payload == 3


def test_a_consumer_whose_folder_was_removed_is_told_so_as_of_a_lost_connection(
    url: str, folder: Path
) -> None:
    with Connection(url) as line:
        consumer = line.SimpleQueue("steps")
        shutil.rmtree(folder)
        with pytest.raises(line.connection_errors, match="removed; it is made anew.*a broker"):
            consumer.get(timeout=5)


def test_a_message_for_which_there_is_no_room_names_its_file_and_leaves_nothing(
    url: str, folder: Path
) -> None:
    with Connection(url) as line:
        queue = line.SimpleQueue("steps")
        queue.put("small")
        usual = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (4096, usual[1]))
        try:
            with pytest.raises(OSError, match="File too large: .*/queues/steps/"):
                queue.put(LARGE)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, usual)
        assert left(folder) == {"bindings", "queues"}
        queue.put("again")
        assert [queue.get(timeout=5).payload for _ in range(2)] == ["small", "again"]
