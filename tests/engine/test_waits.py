"""Signals, messages, timers, deadlines: time moves, nothing sleeps."""

from __future__ import annotations

from typing import Any

import pytest

from jobs import TaskGraph, signal
from jobs.services import send_message
from jobs.testing import run_until_parked
from tests.agents.tools import add
from tests.engine.driving import after, error_of, kinds, started, statuses
from tests.factories import person, status_of

pytestmark = pytest.mark.usefixtures("here")


def waiting(**options: Any) -> TaskGraph:
    graph = TaskGraph()
    graph.output(graph.wait("go", signal="go", **options))
    return graph


def test_a_signal_wakes_the_wait_of_its_name_and_gives_its_payload() -> None:
    job = started(waiting())
    assert run_until_parked(job).status == "parked"
    signal(job, "go", {"x": 1}, actor=person())
    assert run_until_parked(job).output == {"x": 1}


def test_a_signal_that_came_before_its_wait_is_kept_for_it() -> None:
    job = started(waiting())
    signal(job, "go", "early", actor=person())
    assert run_until_parked(job).output == "early"


def test_each_wait_takes_one_signal_in_the_order_of_their_coming() -> None:
    graph = TaskGraph()
    one = graph.wait("one", signal="go")
    two = graph.wait("two", signal="go", after=[one])
    graph.output([one, two])
    job = started(graph)
    for each in ("a", "b"):
        signal(job, "go", each, actor=person())
    assert run_until_parked(job).output == ["a", "b"]


def test_a_wait_past_its_deadline_fails() -> None:
    job = started(waiting(deadline="1h"))
    run_until_parked(job)
    assert after(job, 3590).status == "parked"
    assert error_of(after(job, 20))["code"] == "timed_out"


def test_a_wait_past_its_deadline_may_go_on_without_an_answer() -> None:
    job = started(waiting(deadline=60, on_timeout="continue"))
    run_until_parked(job)
    state = after(job, 61)
    assert (state.status, state.output) == ("completed", None)


def test_a_message_on_a_channel_is_received() -> None:
    graph = TaskGraph()
    graph.output(graph.receive("mail", channel="inbox"))
    job = started(graph)
    assert run_until_parked(job).status == "parked"
    send_message(job, "inbox", {"hello": True}, actor=person())
    assert run_until_parked(job).output == {"hello": True}


def test_a_sleep_costs_a_parked_row_and_ends_when_its_time_has_come() -> None:
    graph = TaskGraph()
    nap = graph.sleep("nap", "2h")
    graph.tool("then", add, a=1, after=[nap])
    job = started(graph)
    assert run_until_parked(job).status == "parked"
    assert after(job, 7190).status == "parked"
    state = after(job, 11)
    assert statuses(state) == {"nap": "done", "then": "done"}
    assert kinds(job).count("timer_fired") == 1


def test_a_job_says_what_it_is_parked_on() -> None:
    from jobs.core.parked import parked_on

    job = started(waiting(deadline="1h"))
    (entry,) = parked_on(run_until_parked(job))
    assert (entry["node"], entry["kind"], entry["name"]) == ("go", "signal", "go")
    assert entry["deadline"]
    assert status_of(job) == "parked"
