"""Retrying a job: a new one with the same keys that makes no landed call again (Laws L2, E9)."""

from __future__ import annotations

import pytest

from jobs import TaskGraph, cancel, runner, signal
from jobs.models import Event, Job
from jobs.testing import run_until_parked
from ledger.models import Invocation
from tests.agents import world
from tests.agents.tools import add, look, send
from tests.engine.driving import a_word, error_of, folded, kinds, ran, started
from tests.engine.retrying import BOB, NO, ZOE, chain, retried

pytestmark = pytest.mark.usefixtures("here")


def test_what_landed_is_recalled_and_only_the_failed_step_is_attempted_again() -> None:
    words = [a_word() for _ in range(3)]
    world.script(words[1], NO)
    first = ran(chain(*words))
    assert error_of(first)["class"].endswith("NotLanded")
    state = retried(first.job)
    assert (state.status, state.output) == ("completed", {"one": 1, "three": 1})
    assert [world.times(word) for word in words] == [1, 2, 1]
    lines = {line.node: line for line in Invocation.objects.filter(job_id=state.job)}
    before = {line.node: line for line in Invocation.objects.filter(job_id=first.job)}
    assert {node: line.state for node, line in lines.items()} == {
        "one": "recalled",
        "two": "landed",
        "three": "landed",
    }
    assert lines["one"].recalled_from == before["one"].id
    assert [lines[node].idempotency_key for node in ("one", "two")] == [
        before[node].idempotency_key for node in ("one", "two")
    ]


def test_both_jobs_say_where_the_new_one_comes_from() -> None:
    word = a_word()
    world.script(word, NO)
    first = ran(chain(word, a_word(), a_word()))
    state = retried(first.job)
    origin = state.forked or {}
    end = Event.objects.get(job_id=first.job, type="job_failed")
    assert (origin["job"], origin["seq"], origin["hash"], origin["how"]) == (
        first.job,
        end.seq,
        end.hash,
        "retry",
    )
    assert (state.origin, state.generation, state.requester["id"]) == (first.job, 2, ZOE.id)
    assert kinds(first.job)[-1] == "job_forked"
    assert folded(first.job).forks == (state.job,)
    row = Job.objects.get(id=state.job)
    assert (str(row.forked_from), row.forked_seq, row.generation) == (first.job, end.seq, 2)


def test_a_retry_may_be_retried_and_its_recalls_name_the_call_that_landed() -> None:
    words = [a_word() for _ in range(3)]
    world.script(words[1], NO, NO)
    first = ran(chain(*words))
    second = retried(first.job)
    assert second.status == "failed"
    third = retried(second.job)
    assert (third.status, third.generation, third.origin) == ("completed", 3, first.job)
    line = Invocation.objects.get(job_id=third.job, node="one")
    assert line.recalled_from == Invocation.objects.get(job_id=first.job, node="one").id
    assert [world.times(word) for word in words] == [1, 3, 1]


def test_a_map_attempts_only_its_failed_items_again() -> None:
    words = [a_word() for _ in range(6)]
    for word in words[1::2]:
        world.script(word, NO)
    graph = TaskGraph()
    graph.output(graph.map("sent", send, over=words, each={"word": graph.item}, concurrency=2, tolerate=2))
    first = ran(graph)
    assert error_of(first)["code"] == "map_failed"
    state = retried(first.job)
    assert state.status == "completed"
    assert [each["word"] for each in state.output] == words
    assert [world.times(word) for word in words] == [1, 2, 1, 2, 1, 2]


def test_failures_that_the_plan_tolerated_stay_as_they_were() -> None:
    words = [a_word() for _ in range(5)]
    for word in (words[0], words[1], words[4]):
        world.script(word, NO)
    graph = TaskGraph()
    kept = graph.tool("kept", send, word=words[0], on_error="continue")
    items = graph.map("items", send, over=words[1:4], each={"word": graph.item}, tolerate=1)
    graph.tool("last", send, word=words[4], after=[kept, items])
    state = retried(ran(graph).job)
    assert state.status == "completed"
    assert (state.nodes["kept"].status, state.nodes["items/0"].status) == ("failed", "failed")
    assert [world.times(word) for word in words] == [1, 1, 1, 1, 2]


def test_a_cancelled_job_is_retried_and_what_it_waited_for_is_asked_anew() -> None:
    graph = TaskGraph()
    graph.output(graph.wait("word", signal="go", after=[graph.tool("first", add, a=1)]))
    job = started(graph)
    run_until_parked(job)
    cancel(job, actor=BOB)
    state = retried(job)
    assert state.status == "parked"
    signal(state.job, "go", 7, actor=BOB)
    assert run_until_parked(state.job).output == 7


def test_a_retry_takes_up_the_work_of_the_child_that_failed() -> None:
    words = [a_word() for _ in range(2)]
    inner = chain(words[0], words[1], a_word())
    graph = TaskGraph()
    graph.output(graph.agent("child", "drawn", {"graph": inner.to_json()}))
    world.script(words[1], NO)
    first = ran(graph)
    assert first.status == "failed"
    state = retried(first.job)
    assert (state.status, state.output["one"]) == ("completed", 1)
    assert [world.times(word) for word in words] == [1, 2]
    child = Job.objects.get(id=state.calls["child"].info["job"])
    before = Job.objects.get(id=first.calls["child"].info["job"])
    assert (child.forked_from, child.origin, child.generation) == (before.id, before.id, 2)
    assert (str(child.parent_job), child.parent_node) == (state.job, "child")


def test_a_retry_takes_the_result_of_a_child_that_completed_while_its_parent_failed() -> None:
    words = [a_word() for _ in range(2)]
    inner = TaskGraph()
    inner.output(inner.tool("sent", send, word=words[0], after=[inner.wait("word", signal="go")]))
    graph = TaskGraph()
    child = graph.agent("child", "drawn", {"graph": inner.to_json()})
    graph.tool(
        "beside", look, word=words[1], after=[graph.wait("word", signal="fail")], retry={"max_attempts": 1}
    )
    graph.output(child)
    job = started(graph)
    run_until_parked(job)
    inside = folded(job).calls["child"].info["job"]
    world.script(words[1], NO)
    signal(job, "fail", actor=BOB)
    runner.drive(job, "beside")  # the job has failed, and its word to the child is still under way
    signal(inside, "go", actor=BOB)
    runner.drive(inside, "sent")
    assert Job.objects.get(id=inside).status == "completed"
    assert run_until_parked(job).status == "failed"
    state = retried(job)
    assert (state.status, state.output["n"]) == ("completed", 1)
    assert world.times(words[0]) == 1
