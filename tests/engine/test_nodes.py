"""Every kind of node and every way of settling, through the real runner."""

from __future__ import annotations

import pytest

from jobs import TaskGraph
from jobs.testing import run_until_parked
from tests.agents import world
from tests.agents.tools import add, look, opaque, send
from tests.engine.driving import a_word, error_of, folded, kinds, ran, started, statuses

pytestmark = pytest.mark.usefixtures("here")


def test_references_carry_results_from_tool_to_tool_into_the_output() -> None:
    graph = TaskGraph()
    first = graph.tool("first", add, a=1)
    second = graph.tool("second", add, a=first, b=first)
    graph.output({"sum": second, "of": [first, first]})
    state = ran(graph)
    assert (state.status, state.output) == ("completed", {"sum": 4, "of": [2, 2]})


def test_a_chain_is_claimed_promised_and_told_in_two_commits_a_step() -> None:
    graph, word = TaskGraph(), a_word()
    one = graph.tool("one", send, word=word)
    graph.tool("two", send, word=word, after=[one])
    job = started(graph)
    run_until_parked(job)
    told = kinds(job)
    step = ["node_started", "command_emitted", "tool_invocation_started"]
    end = ["tool_invocation_finished", "command_committed", "reasoning_snapshot", "node_finished"]
    assert told[-15:] == [*step, *end, *step, *end, "job_completed"]
    assert world.times(word) == 2


def test_a_condition_that_does_not_hold_skips_its_node_and_those_that_need_its_data() -> None:
    graph = TaskGraph()
    first = graph.tool("first", add, a=1)
    small = graph.tool("small", add, a=first, when=first > 10)
    graph.tool("needs", add, a=small)
    graph.tool("ordered", add, a=5, after=[small])
    graph.tool("content", add, a=small.or_(7))
    graph.output(small)
    state = ran(graph)
    assert statuses(state) == {
        "first": "done", "small": "skipped", "needs": "skipped", "ordered": "done", "content": "done",
    }  # fmt: skip
    assert state.nodes["small"].reason == "when"
    assert state.nodes["needs"].reason == "upstream"
    assert state.nodes["content"].result == 8
    assert (state.status, state.output) == ("completed", None)


def test_a_branch_runs_one_side_and_skips_the_other() -> None:
    graph = TaskGraph()
    first = graph.tool("first", add, a=1)
    high, low = graph.tool("high", add, a=100), graph.tool("low", add, a=1)
    graph.branch("which", first > 1, then=[high], otherwise=[low])
    graph.output({"high": high.or_(0), "low": low.or_(0)})
    state = ran(graph)
    assert state.output == {"high": 101, "low": 0}
    assert statuses(state)["low"] == "skipped"


@pytest.mark.parametrize(
    ("on_error", "status", "dependant"),
    [("fail", "failed", "waiting"), ("skip", "completed", "skipped"), ("continue", "completed", "done")],
)
def test_on_error_says_whether_a_failed_node_takes_the_job_with_it(
    on_error: str, status: str, dependant: str
) -> None:
    graph, word, other = TaskGraph(), a_word(), a_word()
    world.script(word, *[ValueError("no")] * 3)
    bad = graph.tool("bad", look, word=word, on_error=on_error, retry={"max_attempts": 1})
    graph.tool("next", look, word=other, after=[bad])
    state = ran(graph)
    assert state.status == status
    assert statuses(state) == {"bad": "failed", "next": dependant}
    assert world.times(word) == 1
    assert world.times(other) == (1 if dependant == "done" else 0)


def test_the_error_of_a_node_that_carries_on_can_be_read() -> None:
    graph, word = TaskGraph(), a_word()
    world.script(word, ValueError("no such thing"))
    bad = graph.tool("bad", look, word=word, on_error="continue", retry={"max_attempts": 1})
    graph.output({"result": bad, "error": bad.error["message"]})
    assert ran(graph).output == {"result": None, "error": "no such thing"}


def test_a_workflow_is_a_node_with_references_as_arguments() -> None:
    from tests.engine.sample_flows import doubled

    graph = TaskGraph()
    first = graph.tool("first", add, a=1)
    graph.output(graph.workflow("flow", doubled, x=first))
    state = ran(graph)
    assert state.output == 4
    assert "flow/0" in state.calls


def test_a_result_that_cannot_be_stored_has_landed_and_is_not_asked_for_again() -> None:
    graph, word = TaskGraph(), a_word()
    graph.tool("opaque", opaque, word=word)
    error = error_of(ran(graph))
    assert error["code"] == "result_unstorable"
    assert {"type", "size", "digest"} <= set(error)
    assert world.times(word) == 1


def test_arguments_that_do_not_fit_the_data_fail_the_node_and_nothing_is_promised() -> None:
    graph, word = TaskGraph(), a_word()
    first = graph.tool("first", look, word=word)
    graph.tool("second", add, a=first)
    job = started(graph)
    error = error_of(run_until_parked(job))
    assert error["code"] == "bad_arguments"
    assert "second" in error["message"]
    assert kinds(job).count("tool_invocation_started") == 1


def test_a_reference_that_does_not_fit_the_data_fails_its_node_and_says_where() -> None:
    graph, word = TaskGraph(), a_word()
    first = graph.tool("first", look, word=word)
    graph.tool("second", add, a=first["no"]["such"])
    error = error_of(ran(graph))
    assert error["code"] == "bad_reference"
    assert "second" in error["message"]


def test_what_is_stored_is_what_the_events_say() -> None:
    graph = TaskGraph()
    graph.output(graph.tool("first", add, a=1))
    job = started(graph)
    assert run_until_parked(job) == folded(job)
