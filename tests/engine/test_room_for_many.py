"""How many steps a worker runs at once: never more than its slots, and the loop's places block no thread (R49)."""

from __future__ import annotations

import asyncio
import json
import threading
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from django.db import connections

from jobs import TaskGraph, clock, conf, loop, runner
from jobs.celery_defaults import own_queue
from jobs.incarnation import Incarnation, become
from jobs.models import Step, Worker
from jobs.registration import register
from jobs.store import load
from ledger import tool
from tests.agents import world
from tests.brokers.workers import until
from tests.engine.driving import a_word, asked, started
from tests.engine.workers import Crew, claims, crew, ends, working
from tests.factories import recorded_knocks

pytestmark = pytest.mark.timeout(300)
PLACES = 2
Heard = list[tuple[str, tuple[str, ...], str]]
gates: dict[str, threading.Event] = {}


@tool(name="crew.until", effect="idempotent")
async def until_told(word: str) -> str:
    """Wait on the event loop until a test says so."""
    world.did(word)
    await asyncio.to_thread(gates[word].wait, 60)
    return word


@pytest.fixture
def heard(fresh_database: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Heard]:
    """Knocks, instead of a broker, on a database of this test's own."""
    monkeypatch.setattr(clock, "_shift", 0.0)
    monkeypatch.setattr(clock, "_offset", None)
    with recorded_knocks() as knocked:
        yield knocked
    become(None)


@pytest.fixture
def few_places(heard: Heard, monkeypatch: pytest.MonkeyPatch) -> Iterator[Incarnation]:
    """This process as a worker with a small loop of its own."""
    usual = conf.conf()
    monkeypatch.setattr(loop, "conf", lambda: replace(usual, LOOP_SLOTS=PLACES))
    before = (loop._loop, loop._slots, loop._executor)
    loop.forget()
    me, _ = register("small@host", slots=1, hand_off=True, ttl=1e7)
    me.deadline = 1e12
    become(me)
    yield me
    for gate in gates.values():
        gate.set()
    until(lambda: not me.held())
    _close_the_loop()
    loop._loop, loop._slots, loop._executor = before


def _close_the_loop() -> None:
    """Let its database threads close their connections, all of them at once, so that each takes one."""
    if loop._loop is None or loop._executor is None:
        return
    threads = len(loop._executor._threads)
    together = threading.Barrier(threads)

    def close() -> None:
        together.wait(20)
        connections.close_all()

    for done in [loop._executor.submit(close) for _ in range(threads)]:
        done.result(30)
    loop._executor.shutdown()
    running = loop._loop
    running.call_soon_threadsafe(running.stop)
    until(lambda: not running.is_running())
    running.close()


def waiting(word: str) -> str:
    """A planned job whose one call waits on the loop."""
    gates[word] = threading.Event()
    graph = TaskGraph()
    graph.output(graph.tool("call", until_told, word=word))
    job = started(graph)
    runner.drive(job, "_plan")
    return job


def test_a_full_loop_blocks_no_thread_and_who_was_turned_away_is_called_when_a_place_is_free(
    few_places: Incarnation, heard: Heard
) -> None:
    words = [a_word() for _ in range(4)]
    jobs = [waiting(word) for word in words]
    for job in jobs:
        runner.drive(job, "call")  # returns: the place is there, or is not
    until(lambda: sum(world.times(word) for word in words) == PLACES)
    assert Step.objects.filter(state="running").count() == PLACES
    other = asked("adder", {"a": 1, "b": 2})
    runner.drive(other, "_plan")
    runner.drive(other, "sum")
    assert load(other).status == "completed", "what needs no place goes on meanwhile"
    heard.clear()
    gates[words[0]].set()
    mine = own_queue("small@host")
    until(lambda: (jobs[2], "call") in [args for _, args, queue in heard if queue == mine])
    runner.drive(jobs[2], "call")
    until(lambda: world.times(words[2]) == 1)
    assert world.times(words[3]) == 0
    for word in words:
        gates[word].set()
    until(lambda: (jobs[3], "call") in [args for _, args, queue in heard if queue == mine])
    runner.drive(jobs[3], "call")
    for job in jobs:
        until(lambda job=job: load(job).status == "completed")  # type: ignore[misc]


def test_a_place_that_was_taken_in_vain_is_given_back(few_places: Incarnation) -> None:
    job = waiting(word := a_word())
    gates[word].set()
    runner.drive(job, "call")
    until(lambda: load(job).status == "completed")
    for _ in range(3 * PLACES):
        runner.drive(job, "call")
        runner.drive(job, "nothing")
    until(lambda: loop._slots is not None and loop._slots._value == PLACES)


@pytest.fixture
def at_work(fresh_database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Crew]:
    """A place for workers on a database of this test's own."""
    monkeypatch.setattr(clock, "_shift", 0.0)
    monkeypatch.setattr(clock, "_offset", None)
    with crew(fresh_database, tmp_path) as made:
        yield made


def most_at_once(made: Crew, word: str) -> dict[str, int]:
    """Of each process, how many of its calls were under way at the same time at most."""
    now: Counter[str] = Counter()
    most: dict[str, int] = {}
    for line in made.journal.read_text().splitlines():
        what, pid, _ = line.split()
        if what in (f"{word}-begin", f"{word}-end"):
            now[pid] += 1 if what.endswith("begin") else -1
            most[pid] = max(most.get(pid, 0), now[pid])
    return most


def test_a_worker_never_runs_more_steps_than_it_has_slots(at_work: Crew) -> None:
    word = a_word()
    graph = TaskGraph()
    graph.map("many", "between", over=[word] * 12, each={"word": graph.item})
    for number in range(4):
        graph.tool(f"one-{number}", "between", word=word)
    with working(at_work, "one", "two", options=("-P", "threads", "-c", "3")) as workers:
        jobs = [started(graph) for _ in range(2)]
        for job in jobs:
            ends(job, *workers)
    assert set(most_at_once(at_work, word).values()) <= {1, 2, 3}
    assert max(most_at_once(at_work, word).values()) > 1


def test_the_branches_of_one_job_are_shared_by_four_workers(at_work: Crew) -> None:
    names = ("one", "two", "three", "four")
    with working(at_work, *names, options=("-P", "threads", "-c", "1")) as workers:
        job = asked("spread", {"word": a_word(), "branches": 12, "items": 12, "seconds": 0.4})
        ends(job, *workers)
    shares = claims(job)
    assert len(shares) == 4, shares
    assert min(shares.values()) >= 3, shares
    assert max(shares.values()) <= sum(shares.values()) / 2, shares
    told = {each.name: json.loads(each.capabilities) for each in Worker.objects.all()}
    assert set(told) == {f"{name}@toy" for name in names}
