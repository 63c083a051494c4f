"""The broker inside one process: nobody polls, so a wake-up that was lost would show as a wait without end."""

from __future__ import annotations

import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from queue import Empty
from time import monotonic
from typing import Any

import pytest
from celery import Celery
from celery.contrib.testing.worker import start_worker
from kombu import Connection, Consumer, Exchange, Message, Queue
from kombu.transport import virtual

from jobs.brokers import local, waking
from jobs.celery_defaults import configure, register_transports

URL = "aetheris+local://"
NEVER = 10_000.0  # no wait of this length ends within a test


@pytest.fixture(autouse=True)
def _no_polling(monkeypatch: pytest.MonkeyPatch) -> None:
    register_transports()
    monkeypatch.setattr(local.Transport, "shortest_wait", NEVER)
    monkeypatch.setattr(local.Transport, "polling_interval", NEVER)
    monkeypatch.setattr(local.Channel, "queues", {})


def test_a_thousand_messages_one_by_one_wake_their_consumer_each_time() -> None:
    answered = threading.Semaphore(0)

    def answer() -> None:
        with Connection(URL) as connection:
            queue = connection.SimpleQueue("questions")
            for _ in range(1000):
                queue.get(timeout=60).ack()
                answered.release()

    consumer = threading.Thread(target=answer)
    consumer.start()
    with Connection(URL) as connection:
        queue = connection.SimpleQueue("questions")
        for number in range(1000):
            queue.put(number)
            assert answered.acquire(timeout=30), f"message {number} woke nobody"
    consumer.join(30)


def test_a_message_that_comes_between_the_look_and_the_wait_is_not_overslept(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    got: list[object] = []
    look = local.Channel._get
    looks: list[str] = []
    rung_before_wait: list[bool] = []

    class Watched(waking.Bell):
        def wait(self, seen: int, seconds: float) -> None:
            rung_before_wait.append(self.rings != seen)

    def look_and_then_send(self: local.Channel, queue: str, timeout: float | None = None) -> Any:
        looks.append(queue)
        try:
            return look(self, queue, timeout)
        except Empty:
            if len(looks) == 1:
                with Connection(URL) as sender:
                    sender.SimpleQueue("a").put("just now")
            raise

    with Connection(URL) as connection:
        queue = Queue("a", Exchange("a"), "a")
        with Consumer(connection.channel(), [queue], callbacks=[lambda body, _: got.append(body)]):
            monkeypatch.setattr(local.Channel, "_get", look_and_then_send)
            monkeypatch.setattr(waking, "bell", Watched())
            connection.drain_events(timeout=10)
    assert got == ["just now"]
    assert rung_before_wait == [True]


def test_an_acknowledgement_from_another_thread_opens_the_window_of_prefetch() -> None:
    got: list[int] = []
    with Connection(URL) as connection, ThreadPoolExecutor(1) as pool:
        channel = connection.channel()
        queue = Queue("a", Exchange("a"), "a")

        def receive(body: int, message: Message) -> None:
            got.append(body)
            pool.submit(message.ack)

        with (
            Consumer(channel, [queue], callbacks=[receive], prefetch_count=1),
            connection.Producer() as producer,
        ):
            for number in range(200):
                producer.publish(number, exchange="a", routing_key="a")
            give_up = monotonic() + 20
            while len(got) < 200 and monotonic() < give_up:
                connection.drain_events(timeout=10)
    assert got == list(range(200))


def test_threads_that_declare_at_once_lose_no_binding(monkeypatch: pytest.MonkeyPatch) -> None:
    together = threading.Barrier(4)
    names = [f"news-{number}" for number in range(200)]

    def declare(listener: int) -> None:
        with Connection(URL) as connection:
            channel = connection.channel()
            for name in names:
                together.wait(30)
                Queue(f"{name}-{listener}", Exchange(name, type="fanout"))(channel).declare()

    monkeypatch.setattr(local.Transport, "state_of_all", virtual.BrokerState())
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(declare, range(4)))
    finally:
        sys.setswitchinterval(before)
    with Connection(URL) as connection:
        channel: Any = connection.channel()
        assert [len(channel.get_table(name)) for name in names] == [4] * len(names)
        channel.queue_delete("news-0-0")
        assert len(channel.get_table("news-0")) == 3


def test_a_worker_runs_a_chain_of_tasks_each_sent_by_the_one_before() -> None:
    app = Celery("local", broker=URL, set_as_current=False)
    configure(app)
    done = threading.Event()

    @app.task(name="aetheris.next")
    def step(left: int) -> None:
        if left:
            app.send_task("aetheris.next", (left - 1,))
        else:
            done.set()

    with start_worker(app, pool="threads", concurrency=2, perform_ping_check=False, shutdown_timeout=30):
        app.send_task("aetheris.next", (200,))
        assert done.wait(30)
        assert app.control.ping(timeout=30, limit=1)


def test_a_message_that_was_not_acknowledged_returns_when_its_consumer_closes() -> None:
    with Connection(URL) as first:
        first.SimpleQueue("a").put("not done")
        first.SimpleQueue("a").get(timeout=30)
    with Connection(URL) as second:
        assert second.SimpleQueue("a").get(timeout=30).payload == "not done"
