"""A broker that hangs keeps nobody for longer than a moment."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import NoReturn

import pytest

from jobs import senders as module
from jobs.senders import BrokerHangs, Senders


@pytest.fixture
def senders(monkeypatch: pytest.MonkeyPatch) -> Senders:
    monkeypatch.setattr(module, "PATIENCE", 0.05)
    return Senders()


def refuses() -> NoReturn:
    raise TimeoutError("the broker's own")


def test_a_message_is_handed_over_by_another_thread_and_its_error_is_raised_here(senders: Senders) -> None:
    by: list[str] = []
    senders.hand_over(lambda: by.append(threading.current_thread().name))
    assert by == ["aetheris-sender"]
    with pytest.raises(TimeoutError, match="the broker's own"):
        senders.hand_over(refuses)


def test_while_a_broker_hangs_nobody_waits_and_after_a_rest_it_is_tried_again(
    senders: Senders, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate, sent = threading.Event(), []
    with pytest.raises(BrokerHangs, match="no message within"):
        senders.hand_over(lambda: gate.wait(60))
    with pytest.raises(BrokerHangs, match="a moment ago"):
        senders.hand_over(lambda: sent.append(1))
    assert sent == []
    later = time.monotonic() + module.REST + 1
    monkeypatch.setattr(module, "monotonic", lambda: later)
    senders.hand_over(lambda: sent.append(2))  # by another thread: the first one still hangs
    assert sent == [2]
    gate.set()


def test_many_messages_at_once_are_handed_over_by_a_few_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    senders, names = Senders(), set()
    with ThreadPoolExecutor(40) as pool:
        for _ in range(400):
            pool.submit(senders.hand_over, lambda: names.add(threading.current_thread().ident))
    assert 1 <= len(names) <= module.THREADS
