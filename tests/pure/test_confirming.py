"""Confirmation: a job that has waited asks the world before it goes on, and never executes anything again (E7)."""

from __future__ import annotations

from typing import Any

import pytest

from jobs.core.commands import Accept, Cancel, Confirm, Due, Pause, Resume, Seen, StartNode
from jobs.core.confirming import CONFIRM_RETRY
from jobs.core.graph import TaskGraph
from jobs.core.parked import parked_on
from jobs.core.plan import Plan
from tests.pure.scenes import Scene, begun, gathering
from tests.pure.story import ASKER, PERSON, WORKER


def waited(tool: str, *, more: bool = False) -> Scene:
    """A job whose call has landed, which has waited for a word, and whose next step is ready."""
    graph = TaskGraph()
    graph.tool("one", tool)
    graph.wait("word", signal="go", after=["one"])
    graph.tool("two", "read", after=["word"])
    if more:
        graph.tool("three", "read", after=["word"])
    scene = begun(graph)
    scene.work("one")
    scene.signal("go")
    return scene


def kinds(scene: Scene) -> list[str]:
    return [fact.type for fact in scene.told[-1].facts]


def line(scene: Scene) -> str:
    return str(scene.state.calls["one"].info["invocation"])


@pytest.mark.parametrize("tool", ["pay", "wire", "book"])
def test_after_a_park_nothing_is_claimed_before_what_landed_is_confirmed(tool: str) -> None:
    scene = waited(tool)
    assert scene.status("two") == "ready"
    assert scene.refused(StartNode("two", WORKER, scene.promise("read", "two"))) == "world_unconfirmed"
    scene.must(scene.seen("two", True))
    assert kinds(scene) == ["world_confirmed"]
    scene.work("two")
    assert scene.state.status == "completed"


def test_without_a_confirm_function_or_an_effect_a_job_goes_on_at_once() -> None:
    scene = waited("read")
    scene.work("two")
    assert scene.state.status == "completed"


def test_without_a_park_nothing_is_asked() -> None:
    graph = TaskGraph()
    graph.tool("one", "pay")
    graph.tool("two", "read", after=["one"])
    scene = begun(graph)
    scene.work("one")
    scene.work("two")
    assert scene.state.status == "completed"


def test_while_another_step_moves_a_waiting_one_is_no_park_of_the_job() -> None:
    graph = TaskGraph()
    graph.tool("one", "pay")
    graph.wait("word", signal="go", after=["one"])
    graph.tool("two", "read", after=["word"])
    graph.tool("beside", "read")
    scene = begun(graph)
    scene.work("one")
    scene.claim("beside")
    scene.signal("go")
    scene.claim("two")
    assert not scene.state.doubts


def test_each_resume_asks_once_and_later_claims_are_free() -> None:
    scene = waited("pay", more=True)
    scene.must(scene.seen("two", True))
    scene.claim("two")
    scene.claim("three")
    assert scene.state.nodes["three"].status == "running"


def test_an_effect_that_lands_after_the_resume_is_not_asked_for_before_the_next_park() -> None:
    graph = TaskGraph()
    graph.wait("word", signal="go")
    graph.tool("one", "pay", after=["word"])
    graph.tool("two", "read", after=["one"])
    scene = begun(graph)
    scene.signal("go")
    scene.work("one")
    scene.work("two")
    assert scene.state.status == "completed"


def test_a_strict_mismatch_fails_the_job_and_names_the_effect() -> None:
    scene = waited("pay")
    scene.must(scene.seen("two", False))
    assert kinds(scene) == ["world_diverged", "job_failing", "job_failed"]
    assert scene.state.status == "failed"
    error: Any = (scene.state.failure or {})["error"]
    assert (error["code"], error["path"], error["tool"]) == ("world_diverged", "one", "pay")
    assert [fact.type for fact in scene.facts].count("tool_invocation_started") == 1


def test_an_effect_that_is_gone_is_not_undone() -> None:
    graph = TaskGraph()
    graph.tool("one", "pay")
    graph.wait("word", signal="go", after=["one"])
    graph.tool("two", "read", after=["word"])
    scene = Scene(lambda options: options[-1], Plan.load(graph.to_json()).to_json(), on_failure="compensate")
    scene.begin()
    scene.work("one")
    scene.signal("go")
    scene.must(scene.seen("two", False))
    assert scene.state.status == "failed"
    assert (scene.state.compensation or {})["not_undone"][0]["reason"] == "world_diverged"


def test_a_mismatch_that_parks_names_the_effect_and_waits_for_a_person() -> None:
    scene = waited("wire")
    scene.must(scene.seen("two", False))
    assert kinds(scene) == ["world_diverged", "job_parked"]
    assert parked_on(scene.state) == [{"node": "two", "kind": "world", "name": line(scene)}]
    scene.pass_time(1e6)
    assert scene.must(Due("two")).facts == ()


def test_confirming_again_releases_it_if_the_effect_is_back() -> None:
    scene = waited("wire")
    scene.must(scene.seen("two", False))
    scene.must(Confirm((Seen("one", False),), PERSON))
    assert scene.state.status == "parked"
    scene.must(Confirm((Seen("one", True),), PERSON))
    assert kinds(scene) == ["world_confirmed", "wait_completed"]
    scene.work("two")
    assert scene.state.status == "completed"


def test_a_person_accepts_and_it_is_not_asked_for_again() -> None:
    scene = waited("wire")
    scene.must(scene.seen("two", False))
    scene.must(Accept("one", PERSON, "refunded by hand"))
    assert kinds(scene) == ["world_diverged", "wait_completed"]
    assert scene.told[-1].facts[0].body["accepted"] is True
    scene.work("two")
    assert scene.state.status == "completed"
    assert scene.refused(Accept("one", PERSON)) == "job_ended"


def test_nothing_is_accepted_that_is_not_in_question() -> None:
    scene = waited("wire")
    assert scene.refused(Accept("one", PERSON)) == "not_diverged"
    assert scene.refused(Accept("nowhere", PERSON)) == "not_found"


def test_a_mismatch_that_warns_is_on_record_and_the_job_goes_on() -> None:
    scene = waited("book")
    scene.must(scene.seen("two", False))
    assert kinds(scene) == ["world_diverged"]
    scene.work("two")
    assert scene.state.status == "completed"


def test_what_nobody_can_tell_is_asked_again_and_in_the_end_left_to_a_person() -> None:
    scene = waited("pay")
    for attempt in range(1, CONFIRM_RETRY.max_attempts):
        scene.must(scene.seen("two", None))
        assert kinds(scene) == ["job_parked"]
        assert scene.told[-1].facts[0].body["attempt"] == attempt
        assert scene.must(Due("two")).facts == ()
        scene.wait_until(scene.state.nodes["two"].wake_at)
        scene.must(Due("two"))
        assert scene.status("two") == "ready"
    scene.must(scene.seen("two", None))
    assert (scene.state.status, scene.state.nodes["two"].wake_at) == ("parked", None)
    scene.must(Accept("one", PERSON, "I have looked"))
    assert kinds(scene) == ["world_confirmed", "wait_completed"]
    scene.work("two")
    assert scene.state.status == "completed"


def test_of_two_workers_that_asked_one_answer_counts() -> None:
    scene = waited("pay")
    answer = scene.seen("two", True)
    scene.must(answer)
    assert scene.must(answer).facts == ()
    scene.claim("two")
    assert scene.must(answer).facts == ()


def test_on_demand_the_answers_are_kept_and_a_strict_mismatch_fails_the_job() -> None:
    scene = waited("pay")
    scene.must(Confirm((Seen("one", True),), PERSON))
    assert kinds(scene) == ["world_confirmed"]
    assert scene.state.doubts, "time may pass before somebody goes on"
    scene.must(Confirm((Seen("one", False),), PERSON))
    assert scene.state.status == "failed"


def test_on_demand_a_mismatch_that_parks_holds_the_next_claim_back() -> None:
    graph = TaskGraph()
    graph.tool("one", "wire")
    graph.tool("two", "read", after=["one"])
    scene = begun(graph)
    scene.work("one")
    scene.must(Confirm((Seen("one", False),), PERSON))
    assert scene.refused(StartNode("two", WORKER, scene.promise("read", "two"))) == "world_unconfirmed"
    scene.must(scene.seen("two", False))
    assert scene.state.status == "parked"


def test_after_the_end_the_answers_are_afterwords_and_change_nothing() -> None:
    scene = waited("pay")
    scene.must(scene.seen("two", True))
    scene.work("two")
    before = scene.state
    for holds, kind in ((True, "world_confirmed"), (False, "world_diverged")):
        scene.must(Confirm((Seen("one", holds),), PERSON))
        assert kinds(scene) == [kind]
    assert scene.state.but(seq=0, at="") == before.but(seq=0, at="")


def test_a_job_that_ends_asks_nothing_before_it_probes_or_undoes() -> None:
    scene = waited("pay")
    scene.must(Cancel(ASKER))
    assert scene.state.status == "cancelled"


def test_a_workflow_that_has_waited_is_claimed_only_after_the_answer() -> None:
    scene = gathering()
    scene.ask("w/0", "tool", "pay")
    scene.tell("w/0")
    scene.ask("w/1", "signal", "go", deadline=None, on_timeout="fail")
    scene.release("w", "w/1")
    scene.signal("go")
    assert scene.refused(StartNode("w", WORKER)) == "world_unconfirmed"
    scene.must(scene.seen("w", True))
    scene.claim("w")
    assert scene.status("w") == "running"


def test_a_pause_in_between_loses_no_doubt() -> None:
    graph = TaskGraph()
    graph.tool("one", "pay")
    graph.wait("word", signal="go", after=["one"])
    graph.tool("two", "read", after=["word"])
    scene = begun(graph)
    scene.work("one")
    scene.must(Pause(ASKER))
    scene.signal("go")
    scene.must(Resume(ASKER))
    assert scene.refused(StartNode("two", WORKER, scene.promise("read", "two"))) == "world_unconfirmed"
