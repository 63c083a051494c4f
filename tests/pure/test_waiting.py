"""Waiting: signals, messages, timers and children; who comes first, and what a deadline means (Law L5)."""

from __future__ import annotations

from jobs.core.commands import (
    AwaitEffect,
    Due,
    EndChild,
    Hold,
    Release,
    SendMessage,
    SendSignal,
    StartNode,
    Unhold,
)
from jobs.core.graph import TaskGraph
from jobs.core.parked import parked_on
from tests.pure.scenes import NOT_LANDED, Scene, adopt, begun, gathering, unplanned
from tests.pure.story import ASKER, WORKER


def waits(*names: str) -> Scene:
    g = TaskGraph()
    for name in names:
        g.wait(name, "go", deadline="1m")
    return begun(g)


def test_signals_of_one_name_are_taken_first_in_first_out_one_by_each_wait() -> None:
    scene = waits("first", "second")
    scene.signal("go", 1)
    assert (scene.status("first"), scene.status("second")) == ("done", "parked")
    scene.signal("go", 2)
    assert scene.state.status == "completed"
    assert [scene.state.nodes[name].result for name in ("first", "second")] == [1, 2]


def test_a_signal_that_came_before_its_wait_is_kept_for_it() -> None:
    g = TaskGraph()
    g.wait("wait", "go", after=[g.tool("first", "read")])
    scene = begun(g)
    scene.signal("go", 1)
    scene.work("first")
    assert (scene.state.status, scene.state.nodes["wait"].result) == ("completed", 1)


def test_a_signal_that_came_before_the_plan_is_kept() -> None:
    scene = unplanned()
    scene.signal("go", 1)
    g = TaskGraph()
    g.wait("wait", "go")
    adopt(scene, g)
    assert scene.state.status == "completed"


def test_the_same_signal_twice_counts_once_also_after_the_end() -> None:
    scene = waits("wait")
    word = SendSignal("go", 1, "the-id", ASKER)
    scene.must(word)
    assert scene.state.ended
    assert scene.send(word).facts == ()
    assert scene.refused(SendSignal("go", 1, "another", ASKER)) == "job_ended"
    assert scene.refused(SendSignal("other", 1, "the-id", ASKER)) == "idempotency_key_reused"


def test_a_graph_refuses_a_signal_that_none_of_its_waits_takes() -> None:
    assert waits("wait").refused(SendSignal("gone", 1, "id", ASKER)) == "unknown_signal"


def test_a_workflow_keeps_a_signal_that_it_may_ask_for_later() -> None:
    scene = gathering()
    scene.signal("whenever", 3)
    scene.ask("w/0", "signal", "whenever", deadline=None)
    assert scene.state.calls["w/0"].value == 3


def test_a_signal_after_the_deadline_does_not_answer_the_wait_even_if_the_sweep_is_late() -> None:
    scene = waits("wait")
    scene.pass_time(60)
    scene.signal("go", 1)
    assert scene.state.status == "failed"
    assert scene.state.failure is not None
    assert scene.state.failure["error"]["code"] == "timed_out"


def test_a_signal_just_before_the_deadline_answers_the_wait() -> None:
    scene = waits("wait")
    scene.pass_time(59.999)
    scene.signal("go", 1)
    assert scene.state.status == "completed"


def test_a_look_before_the_deadline_does_nothing() -> None:
    scene = waits("wait")
    assert scene.must(Due("wait")).facts == ()


def test_messages_go_to_the_channel_they_name() -> None:
    g = TaskGraph()
    g.receive("left", "left")
    g.receive("right", "right")
    scene = begun(g)
    scene.must(SendMessage("right", "hello", "m1", ASKER))
    assert (scene.status("left"), scene.status("right")) == ("parked", "done")


def test_a_timer_fires_at_its_moment() -> None:
    g = TaskGraph()
    g.sleep("nap", "1h")
    scene = begun(g)
    assert scene.state.nodes["nap"].wake_at is not None
    scene.wait_until(scene.state.nodes["nap"].wake_at)
    scene.must(Due("nap"))
    assert scene.state.status == "completed"


def test_a_child_answers_with_its_output_and_only_once() -> None:
    g = TaskGraph()
    g.output(g.agent("child", "helper", {"x": 1}))
    scene = begun(g)
    job = scene.state.calls["child"].info["job"]
    assert scene.refused(EndChild("child", "another", "completed")) == "not_found"
    scene.must(EndChild("child", job, "completed", {"n": 1}))
    assert scene.state.output == {"n": 1}
    assert scene.must(EndChild("child", job, "completed", {"n": 1})).facts == ()


def test_a_child_that_fails_fails_its_step_and_names_the_child() -> None:
    g = TaskGraph()
    g.agent("child", "helper", {})
    scene = begun(g)
    job = scene.state.calls["child"].info["job"]
    scene.must(EndChild("child", job, "failed", error={"code": "x"}))
    assert scene.state.failure is not None
    assert scene.state.failure["error"]["child"] == job


def test_a_step_that_no_worker_can_run_parks_and_names_what_is_missing() -> None:
    g = TaskGraph()
    g.tool("call", "pay")
    scene = begun(g)
    scene.must(Hold("call", "capability", "gpu"))
    assert parked_on(scene.state) == [{"node": "call", "kind": "capability", "name": "gpu"}]
    assert scene.refused(StartNode("call", WORKER, scene.promise("pay", "call"))) == "not_ready"
    scene.must(Unhold("call"))
    scene.work("call")


def test_a_call_whose_business_key_is_held_waits_for_the_holder() -> None:
    g = TaskGraph()
    g.tool("call", "pay")
    scene = begun(g)
    promise = scene.promise("pay", "call")
    scene.must(AwaitEffect("call", WORKER, "call", 0, promise, {"invocation": "i2"}))
    assert parked_on(scene.state) == [{"node": "call", "kind": "effect", "name": "i2"}]
    scene.must(Unhold("call", "call"))
    scene.work("call")
    assert scene.state.status == "completed"


def test_a_workflow_parks_on_everything_it_waits_for_and_any_answer_wakes_it() -> None:
    scene = gathering()
    scene.ask("w/0", "timer", seconds=5)
    scene.ask("w/1", "signal", "go", deadline=None)
    scene.release("w", "w/0", "w/1")
    assert [wait["kind"] for wait in parked_on(scene.state)] == ["timer", "signal"]
    scene.signal("go")
    assert scene.status("w") == "ready"


def test_a_timer_beside_a_running_call_fires_while_the_call_runs() -> None:
    scene = gathering()
    scene.ask("w/0", "timer", seconds=5)
    scene.ask("w/1", "tool", "pay")
    scene.wait_until(scene.state.nodes["w"].wake_at)
    scene.must(Due("w"))
    assert (scene.state.calls["w/0"].status, scene.status("w")) == ("done", "running")


def test_a_release_whose_answer_has_come_meanwhile_changes_nothing() -> None:
    scene = gathering()
    scene.ask("w/0", "signal", "go", deadline=None)
    scene.signal("go")
    assert scene.release("w", "w/0").facts == ()


def test_a_release_is_refused_beside_a_call_that_has_not_told() -> None:
    scene = gathering()
    scene.ask("w/0", "signal", "go", deadline=None)
    scene.ask("w/1", "tool", "pay")
    fence = scene.state.nodes["w"].fence
    assert scene.refused(Release("w", fence, ("w/0",))) == "calls_open"
    assert scene.refused(Release("w", fence, ("w/7",))) == "unknown_call"


def held_back(kind: str, **spec: object) -> Scene:
    """A workflow that waits for an answer and for the retry of a call."""
    scene = gathering()
    scene.ask("w/0", "tool", "pay")
    scene.tell("w/0", NOT_LANDED)
    scene.ask("w/1", kind, "helper", **spec)
    scene.release("w", "w/0", "w/1")
    assert scene.status("w") == "backoff"
    return scene


def test_a_child_a_timer_and_a_signal_wake_a_workflow_that_waits_for_a_retry() -> None:
    scene = held_back("child", goal={})
    scene.must(EndChild("w/1", scene.state.calls["w/1"].info["job"], "completed"))
    assert scene.status("w") == "ready"
    scene = held_back("timer", seconds=0.5)
    scene.wait_until(scene.state.nodes["w"].wake_at)
    scene.must(Due("w"))
    assert scene.status("w") == "ready"
    scene = held_back("signal", deadline=None)
    scene.signal("helper")
    assert scene.status("w") == "ready"
