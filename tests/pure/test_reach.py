"""Reach: the drawn histories come everywhere, or the laws would hold for want of cases."""

from __future__ import annotations

import pytest

from jobs.core.commands import Accept, Answer, Cancel, Due, EndChild, Hold, NoteFork, StartNode
from jobs.core.decide import DECISIONS
from jobs.core.events import KINDS, Fact
from jobs.core.graph import TaskGraph
from tests.pure.driving import drive
from tests.pure.examples import erasing
from tests.pure.forked import born
from tests.pure.reached import ALL_ARROWS, Arrow, arrows_of
from tests.pure.scenes import FINAL, NOT_LANDED, RAISED, Scene, begun, gathering
from tests.pure.story import ASKER, PERSON, WORKER, Story
from tests.pure.strategies import Dice, tell_story

SEEDS = range(1, 251)


@pytest.fixture(scope="module")
def library() -> list[Story]:
    """Stories, the same in every run; now and then also one of a job that is born of another."""
    return [*(told for seed in SEEDS for told in _told(seed)), _accepted()]


def _accepted() -> Story:
    """Too rare for chance: the world shows an effect no more, the step parks, and a person accepts it."""
    graph = TaskGraph()
    graph.tool("one", "wire")
    graph.wait("word", signal="go", after=["one"])
    graph.tool("two", "read", after=["word"])
    scene = begun(graph)
    scene.work("one")
    scene.signal("go")
    scene.must(scene.seen("two", False))
    scene.must(Accept("one", PERSON))
    return scene


def _told(seed: int) -> list[Story]:
    story = tell_story(Dice(seed).pick)
    if seed % 5:
        story.send(erasing(story))
        return [story]
    second = born(story, "retry" if story.state.ended else "fork")
    if second.facts:
        story.send(NoteFork(second.job, len(story.facts), "fork", ASKER))
        drive(second)
    return [story, second] if second.facts else [story]


def _backing_off(kind: str, **spec: object) -> Scene:
    """A workflow that waits for the retry of a call, an answer, and an unknown outcome."""
    scene = gathering()
    for path, outcome in (("w/0", NOT_LANDED), ("w/1", RAISED)):
        scene.ask(path, "tool", "pay")
        scene.tell(path, outcome)
    scene.ask("w/2", kind, "go", **spec)
    scene.release("w", "w/0", "w/1", "w/2")
    return scene


def _rare() -> list[list[Fact]]:
    """Meetings too rare for chance: an answer or the end of the job while a workflow waits for a retry."""
    resolved = _backing_off("signal", deadline=None)
    resolved.must(Answer("w/1", "fail", PERSON))
    cancelled = _backing_off("signal", deadline=None)
    cancelled.must(Cancel(ASKER))
    child = _backing_off("child", goal={})
    child.must(EndChild("w/2", child.state.calls["w/2"].info["job"], "completed"))
    timer = _backing_off("timer", seconds=0.5)
    timer.pass_time(0.5)
    timer.must(Due("w"))
    answered = _backing_off("signal", deadline=None)
    answered.signal("go")
    graph = TaskGraph()
    graph.tool("one", "pay")
    graph.tool("two", "pay")
    failing = begun(graph)
    failing.work("one", RAISED)
    failing.work("two", FINAL)
    failing.must(Cancel(ASKER))
    scenes = (resolved, cancelled, child, timer, answered, failing, _left_behind(), _probed_again())
    return [scene.facts for scene in scenes]


def _probed_again() -> Scene:
    """A probe that knew nothing is asked again when its time has come."""
    graph = TaskGraph()
    graph.tool("one", "wire")
    scene = begun(graph)
    scene.work("one", RAISED)
    scene.must(Answer("one", "unknown", PERSON, fence=scene.state.nodes["one"].fence))
    scene.wait_until(scene.state.nodes["one"].wake_at)
    scene.must(StartNode("one", WORKER))
    return scene


def _left_behind() -> Scene:
    """A map fails while one of its items waits for a retry and one for a worker that can run it."""
    graph = TaskGraph()
    graph.map("each", "pay", over=[1, 2, 3], each={"x": graph.item}, on_error="skip")
    scene = begun(graph)
    scene.work("each/0", NOT_LANDED)
    scene.must(Hold("each/2", "capability", "gpu"))
    scene.work("each/1", FINAL)
    return scene


@pytest.fixture(scope="module")
def reached(library: list[Story]) -> set[Arrow]:
    """The arrows of all histories."""
    histories = [*(story.facts for story in library), *_rare()]
    return {arrow for facts in histories for arrow in arrows_of(facts)}


def test_every_kind_of_event_is_reached(library: list[Story]) -> None:
    found = {fact.type for story in library for fact in story.facts}
    assert found == set(KINDS)


def test_every_arrow_of_the_tables_is_followed_and_no_other(reached: set[Arrow]) -> None:
    assert sorted(ALL_ARROWS - reached) == []
    assert sorted(reached - ALL_ARROWS) == []


def test_every_command_is_granted_somewhere_and_refused_somewhere(library: list[Story]) -> None:
    told = [each for story in library for each in story.told]
    granted = {type(each.wish).__name__ for each in told if each.facts}
    refused = {type(each.wish).__name__ for each in told if each.refusal}
    assert granted == {kind.__name__ for kind in DECISIONS}
    assert {
        "StartNode",
        "Tell",
        "Vote",
        "Answer",
        "AdoptPlan",
        "EndChild",
        "LoseLease",
        "FinishNode",
    } <= refused


def test_most_histories_get_somewhere(library: list[Story]) -> None:
    ends = [story.state.status for story in library]
    assert ends.count("completed") > len(ends) / 4
    assert ends.count("failed") > len(ends) / 20
    assert ends.count("cancelled") > len(ends) / 20
