"""Maps and child jobs, through the real runner."""

from __future__ import annotations

from typing import Any

import pytest

from jobs import TaskGraph, cancel
from jobs.core.state import JobState
from jobs.models import Job
from jobs.store import load
from jobs.testing import run_until_parked
from tests.agents import world
from tests.agents.tools import add, look
from tests.engine.driving import a_word, error_of, planned, ran, started
from tests.factories import person

pytestmark = pytest.mark.usefixtures("here")


def mapped(words: list[str], **options: Any) -> TaskGraph:
    graph = TaskGraph()
    found = graph.map("found", look, over=[{"w": word} for word in words], each={"word": graph.item["w"]},
                      retry={"max_attempts": 1}, **options)  # fmt: skip
    graph.output(found)
    return graph


def test_a_map_gives_its_results_in_the_order_of_its_input() -> None:
    words = [a_word() for _ in range(5)]
    state = ran(mapped(words, concurrency=2))
    assert [each["word"] for each in state.output] == words


def test_a_map_over_nothing_is_done_at_once() -> None:
    assert ran(mapped([])).output == []


def test_a_map_runs_no_more_items_at_a_time_than_it_says() -> None:
    words = [a_word() for _ in range(4)]
    state = load(planned(mapped(words, concurrency=2)))
    assert sorted(state.agenda) == ["found/0", "found/1"]


def test_a_map_gives_null_for_the_failures_that_it_tolerates_and_names_them() -> None:
    words = [a_word() for _ in range(3)]
    world.script(words[1], ValueError("no"))
    graph = mapped(words, tolerate=1)
    state = ran(graph)
    assert state.status == "completed"
    assert [each and each["word"] for each in state.output] == [words[0], None, words[2]]
    assert state.nodes["found"].error is not None
    assert set(state.nodes["found"].error["errors"]) == {"1"}


def test_a_map_fails_with_one_failure_more_than_it_tolerates() -> None:
    words = [a_word() for _ in range(3)]
    world.script(words[0], ValueError("no"))
    world.script(words[2], ValueError("no"))
    error = error_of(ran(mapped(words, tolerate=1)))
    assert error["code"] == "map_failed"
    assert set(error["errors"]) == {"0", "2"}


def test_a_map_over_something_else_than_a_list_fails() -> None:
    graph = TaskGraph()
    first = graph.tool("first", add, a=1)
    graph.map("m", look, over=first, each={"word": graph.item})
    assert error_of(ran(graph))["code"] == "not_a_list"


def a_child(goal: object, **options: Any) -> TaskGraph:
    graph = TaskGraph()
    graph.output(graph.agent("child", "adder", goal, **options))
    return graph


def child_of(state: JobState) -> Job:
    return Job.objects.get(id=state.calls["child"].info["job"])


def test_a_child_job_gives_its_output_to_its_parent() -> None:
    state = ran(a_child({"a": 1, "b": 2}))
    assert (state.status, state.output) == ("completed", 3)
    assert child_of(state).parent_node == "child"


def test_the_failure_of_a_child_fails_its_node_with_the_cause() -> None:
    state = ran(a_child({"a": 1}))
    error = error_of(state)
    assert error["code"] == "child_failed"
    assert error["child"] == str(child_of(state).id)
    assert error["cause"]


def test_a_child_whose_goal_is_refused_is_reported_as_failed() -> None:
    error = error_of(ran(a_child([1, 2])))
    assert error["code"] == "child_failed"
    assert error["cause"]["code"] == "bad_goal"


def test_the_failure_of_a_child_can_be_carried_on_from() -> None:
    state = ran(a_child({"a": 1}, on_error="continue"))
    assert (state.status, state.output) == ("completed", None)


def test_cancelling_a_job_cancels_the_child_that_it_waits_for() -> None:
    inner = TaskGraph()
    inner.wait("never", signal="never")
    graph = TaskGraph()
    graph.agent("child", "drawn", {"graph": inner.to_json()})
    job = started(graph)
    state = run_until_parked(job)
    assert (state.status, child_of(state).status) == ("parked", "parked")
    cancel(job, actor=person())
    assert run_until_parked(job).status == "cancelled"
    assert child_of(state).status == "cancelled"
